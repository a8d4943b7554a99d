import { isNamespace } from "../core/class-name";
import { AgentError } from "../protocol/errors";
import type { AgentAddress } from "./wire";

/** Takes the agent's address out of what a workflow was started with. */
export function addressIn(payload: unknown): { address: AgentAddress; params: Record<string, unknown> } {
  const fields = typeof payload === "object" && payload !== null ? (payload as Record<string, unknown>) : {};
  const { __agentName, __agentBinding, __workflowName, __agentId, ...params } = fields;
  if (typeof __agentName !== "string" || typeof __agentBinding !== "string" || typeof __workflowName !== "string") {
    throw new AgentError(
      "WORKFLOW_AGENT_UNKNOWN",
      "An AgentWorkflow belongs to an agent, and this one was started without. Start it by this.runWorkflow(...) of an agent."
    );
  }
  const address: AgentAddress = { __agentName, __agentBinding, __workflowName };
  if (typeof __agentId === "string") address.__agentId = __agentId;
  return { address, params };
}

/** The agent of a workflow, as a stub. */
export function findAgent(env: object, { __agentName, __agentBinding, __agentId }: AgentAddress): DurableObjectStub {
  const namespace = (env as Record<string, unknown>)[__agentBinding];
  if (!isNamespace(namespace)) {
    throw new AgentError(
      "WORKFLOW_AGENT_UNKNOWN",
      `The Worker of this workflow has no Durable Object binding "${__agentBinding}", where its agent should be. Add it to durable_objects.bindings of the Worker, or start the workflow with { agentBinding } as it is called there. It has: ${agentBindings(env)}.`
    );
  }
  return namespace.get(__agentId === undefined ? namespace.idFromName(__agentName) : namespace.idFromString(__agentId));
}

const agentBindings = (env: object): string => {
  const names = Object.entries(env).flatMap(([name, value]) => (isNamespace(value) ? [name] : []));
  return names.length === 0 ? "none" : names.join(", ");
};

/** The binding of this Worker under which an agent can be found. */
export function agentBindingOf(env: object, id: DurableObjectId): string {
  for (const [name, value] of Object.entries(env)) if (isNamespace(value) && knows(value, id)) return name;
  throw new AgentError(
    "WORKFLOW_AGENT_UNKNOWN",
    `No binding of this Worker leads to the agent, so that a workflow could not find it. Add the class to durable_objects.bindings, or pass { agentBinding } with its name in the Worker of the workflow. Bindings: ${agentBindings(env)}.`
  );
}

/** Only the namespace of its own class takes an id. */
function knows(namespace: DurableObjectNamespace, id: DurableObjectId): boolean {
  try {
    namespace.idFromString(id.toString());
    return true;
  } catch {
    return false;
  }
}

/** The workflow under a binding. */
export function workflowIn(env: object, name: string): Workflow {
  const binding = (env as Record<string, unknown>)[name];
  if (isWorkflow(binding)) return binding;
  const known = Object.entries(env).flatMap(([other, value]) => (isWorkflow(value) ? [other] : []));
  throw new AgentError(
    "WORKFLOW_UNKNOWN",
    `There is no workflow binding "${name}". Add it to "workflows" in wrangler.jsonc: { "name": "my-workflow", "binding": "${name}", "class_name": "MyWorkflow" }. There ${known.length === 0 ? "is none" : `are: ${known.join(", ")}`}.`
  );
}

/** A service binding answers to any name, but only itself: its class has none of these. */
function isWorkflow(value: unknown): value is Workflow {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype !== null && Object.hasOwn(prototype, "create") && Object.hasOwn(prototype, "createBatch");
}

const locals = new WeakMap<object, boolean>();

/** Whether the engine is that of local development, and of tests: it has a way to end instances that no other has. */
export function isLocalEngine(env: object): boolean {
  const known = locals.get(env);
  if (known !== undefined) return known;
  const isLocal = Object.values(env).some(
    (value) => isWorkflow(value) && Object.hasOwn(Object.getPrototypeOf(value) as object, "unsafeAbort")
  );
  locals.set(env, isLocal);
  return isLocal;
}
