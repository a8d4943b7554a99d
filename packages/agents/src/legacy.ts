import type { Agent } from "./agent";
import { callable } from "./rpc/callable";

// Names that older programs import. They work, and those that do something say once what to use instead.

/** @deprecated Use `DurableObjectState`. */
export type AgentContext = DurableObjectState;

/** @deprecated Use `DurableObjectNamespace`. */
// An agent of whatever type parameters.
// oxlint-disable-next-line typescript/no-explicit-any
export type AgentNamespace<Class extends Agent<any, any, any>> = DurableObjectNamespace<Class>;

let warned = false;

/** @deprecated Use `callable`. */
export const unstable_callable: typeof callable = (metadata) => {
  if (!warned) console.warn("unstable_callable() is deprecated: use callable()");
  warned = true;
  return callable(metadata);
};
