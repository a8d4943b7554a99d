import type { Chatter } from "./chatter";
import type { Payer } from "./payer";
import type { Assistant, Counter, Talker } from "./worker";

declare global {
  namespace Cloudflare {
    interface Env {
      Chatter: DurableObjectNamespace<Chatter>;
      Counter: DurableObjectNamespace<Counter>;
      Talker: DurableObjectNamespace<Talker>;
      Assistant: DurableObjectNamespace<Assistant>;
      Payer: DurableObjectNamespace<Payer>;
    }
  }
}
