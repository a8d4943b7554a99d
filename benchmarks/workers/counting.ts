// core.ts, counting what objects ask of their storage.
import worker, { BenchAgent as Measured } from "./core.ts";
import { count, takeCounts } from "./count.ts";

export class BenchAgent extends Measured {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    // Before the first statement of the object.
    count(ctx.storage);
    super(ctx, env);
  }
}

export default {
  fetch(request, env) {
    if (new URL(request.url).pathname === "/counts") return Response.json(takeCounts());
    return worker.fetch(request, env);
  }
} satisfies ExportedHandler<Cloudflare.Env>;
