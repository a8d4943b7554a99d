import {
  env,
  introspectWorkflowInstance,
  runInDurableObject,
  type WorkflowInstanceIntrospector
} from "cloudflare:test";
import { vi } from "vitest";
import type { Office, Task } from "./workflow-agents";

let offices = 0;
export const office = (name = `office-${offices++}`) => env.OFFICE.get(env.OFFICE.idFromName(name));
export type OfficeStub = ReturnType<typeof office>;

/** Starts a workflow that does these tasks. */
export const send = (stub: OfficeStub, id: string, ...errands: Task[]): Promise<string> =>
  stub.runWorkflow("ERRAND", { errands }, { id });

/** Code of the test, as the agent's own. */
export const within = <Result>(
  stub: OfficeStub,
  run: (agent: Office, storage: DurableObjectStorage) => Result | Promise<Result>
): Promise<Result> => runInDurableObject(stub, (agent, { storage }) => run(agent as unknown as Office, storage));

export const infoOf = (stub: OfficeStub, id: string) => within(stub, (agent) => agent.getWorkflow(id));

/** Watches an instance of the real engine, which may not exist yet. It is deleted in the end. */
export async function watch<Result>(
  id: string,
  run: (instance: WorkflowInstanceIntrospector) => Promise<Result>,
  workflow: Workflow = env.ERRAND as Workflow
): Promise<Result> {
  const instance = await introspectWorkflowInstance(workflow, id);
  try {
    return await run(instance);
  } finally {
    await instance.dispose();
  }
}

/** What the agent has written down, in order. */
export async function notesOf(stub: OfficeStub): Promise<[what: string, value: unknown][]> {
  return within(stub, (agent) => agent.notes());
}

/** Tries until it does not throw: for what another object does in its own time. */
export const eventually = <Result>(look: () => Promise<Result> | Result): Promise<Result> =>
  vi.waitFor(look, { timeout: 10_000, interval: 20 });
