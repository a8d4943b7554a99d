import type { RoomAgent } from "./worker";

declare global {
  namespace Cloudflare {
    interface Env {
      /** What the test kit of `agents` needs; nothing here uses it. */
      STORAGE: DurableObjectNamespace;
      RoomAgent: DurableObjectNamespace<RoomAgent>;
    }
  }
}
