// src/env.d.ts, as `wrangler types` writes it
import type { Assistant, Counter, Reminders } from "./server";

declare global {
  namespace Cloudflare {
    interface Env {
      Counter: DurableObjectNamespace<Counter>;
      Reminders: DurableObjectNamespace<Reminders>;
      Assistant: DurableObjectNamespace<Assistant>;
    }
  }
}
