// work.ts, counting what objects ask of their storage.
import { count, tellingCounts } from "./count.ts";
import worker, { WorkAgent as Measured } from "./work.ts";

export class WorkAgent extends Measured {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    // Before the first statement of the object.
    count(ctx.storage);
    super(ctx, env);
  }
}

export default tellingCounts(worker);
