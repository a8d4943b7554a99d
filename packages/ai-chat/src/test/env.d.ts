import type { Caller, Expenses } from "./caller";
import type { Chatter } from "./chatter";
import type { Payer } from "./payer";
import type { Assistant, Counter, Talker } from "./worker";

declare global {
  namespace Cloudflare {
    interface Env {
      Caller: DurableObjectNamespace<Caller>;
      Chatter: DurableObjectNamespace<Chatter>;
      Counter: DurableObjectNamespace<Counter>;
      Expenses: DurableObjectNamespace<Expenses>;
      Talker: DurableObjectNamespace<Talker>;
      Assistant: DurableObjectNamespace<Assistant>;
      Payer: DurableObjectNamespace<Payer>;
    }
  }
}
