import type { Assistant, Talker } from "./worker";

declare global {
  namespace Cloudflare {
    interface Env {
      Talker: DurableObjectNamespace<Talker>;
      Assistant: DurableObjectNamespace<Assistant>;
    }
  }
}
