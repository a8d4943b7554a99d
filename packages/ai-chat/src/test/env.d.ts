import type { Talker } from "./worker";

declare global {
  namespace Cloudflare {
    interface Env {
      Talker: DurableObjectNamespace<Talker>;
    }
  }
}
