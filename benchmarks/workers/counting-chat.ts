// chat.ts, counting what objects ask of their storage.
import worker, { BenchChat as Measured } from "./chat.ts";
import { count, tellingCounts } from "./count.ts";

export class BenchChat extends Measured {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    // Before the first statement of the object.
    count(ctx.storage);
    super(ctx, env);
  }
}

export default tellingCounts(worker);
