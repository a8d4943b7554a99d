import type { a, Awake, Blank, Faulty, Heir, Recorder, Starter } from "./agents";
import type { BareObject } from "./worker";

declare global {
  namespace Cloudflare {
    interface Env {
      STORAGE: DurableObjectNamespace<BareObject>;
      Recorder: DurableObjectNamespace<Recorder>;
      HEIR_OF_ALL: DurableObjectNamespace<Heir>;
      Blank: DurableObjectNamespace<Blank>;
      Starter: DurableObjectNamespace<Starter>;
      Faulty: DurableObjectNamespace<Faulty>;
      Awake: DurableObjectNamespace<Awake>;
      MINIFIED: DurableObjectNamespace<a>;
    }
  }
}
