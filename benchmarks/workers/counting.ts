// core.ts, counting what objects ask of their storage.
import worker, { BenchAgent as Measured } from "./core.ts";
import { count, tellingCounts } from "./count.ts";

export class BenchAgent extends Measured {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    // Before the first statement of the object.
    count(ctx.storage);
    super(ctx, env);
  }
}

export default tellingCounts(worker);
