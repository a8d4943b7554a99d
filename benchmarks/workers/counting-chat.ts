// chat.ts, counting what objects ask of their storage.
import worker, { BenchChat as Measured } from "./chat.ts";
import { count, takeCounts } from "./count.ts";

export class BenchChat extends Measured {
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
