import type { Agent } from "./agent";
import { approvalsOf, onDecided } from "./approvals";
import { lazyCapability } from "./capability";
import { runOutside } from "./core/context";
import { resolveOptions } from "./core/options";
import { wait } from "./core/wait";
import { workflowsPort } from "./durable-work";
import { hostOf } from "./server";
import { retry, type ShouldRetry } from "./retry/retry";
import { isLocalEngine } from "./workflows/address";
import type { Hooks } from "./workflows/reports";
import { workflowsSchema } from "./workflows/schema";
import type { WorkflowCallback, WorkflowStatus } from "./workflows/types";
import { Workflows, type WorkflowsDeps } from "./workflows/workflows";

/** An agent of whatever type parameters. */
// oxlint-disable-next-line typescript/no-explicit-any
type AnyAgent = Agent<any, any, any>;

/** What only the compiler does not see of an agent. */
interface Inside {
  ctx: DurableObjectState;
  env: object;
}

const keptKey = (id: string): string => `cf_agents_workflow_params:${id}`;

/** Which process this is. */
let process: string | undefined;

/** The workflows of an agent. Only Workers that have any load what they take. */
const workflowsOf: (agent: AnyAgent) => Workflows = lazyCapability("workflows", (kit, agent) => {
  const { ctx, env } = agent as unknown as Inside;
  const host = hostOf(agent);
  const { kv } = ctx.storage;
  const deps: WorkflowsDeps = {
    schema: kit.schema("workflows", workflowsSchema),
    env,
    hooks: hooksOf(agent),
    now: () => Date.now(),
    id: () => ctx.id,
    name: () => agent.name,
    retry: <Result>(run: (attempt: number) => Promise<Result>, shouldRetry: ShouldRetry) =>
      retry(run, resolveOptions(agent.constructor).retry, { wait, random: Math.random }, shouldRetry),
    desk: () => approvalsOf(agent),
    keep: (id, params) => kv.put(keptKey(id), params),
    kept: (id) => kv.get(keptKey(id)),
    forget: (id) => void kv.delete(keptKey(id)),
    // It runs in the process in which its agents do, and cannot go on by itself in another one.
    localEngine: () => (isLocalEngine(env) ? (process ??= crypto.randomUUID()) : undefined),
    retentionMs: (status) => retentionMs(resolveOptions(agent.constructor).workflowRetentionSeconds, status),
    changed: () => kit.changed(),
    emit: (type, payload) => kit.emit(type, payload),
    failed: (error) => kit.failed(error),
    later: (work) => {
      const run = () => Promise.resolve(host.run(undefined, work)).catch((error: unknown) => kit.failed(error));
      ctx.waitUntil(runOutside(run));
    }
  };
  const workflows = new Workflows(deps);
  queueMicrotask(() => workflows.begin());
  return workflows;
});

/**
 * Lets the agents of this Worker start and track workflows. Where the Worker has a class that extends `AgentWorkflow`, this happens by
 * itself; call it once, at the top level, where all workflows of the agents are in other Workers.
 */
export function trackWorkflows(): void {
  // The agent that asks for them.
  workflowsPort.of = (agent) => workflowsOf(agent as AnyAgent);
  onDecided("workflow", (agent, approval) => workflowsOf(agent).decided(approval));
}

function hooksOf(agent: AnyAgent): Hooks {
  return {
    async callback(callback: WorkflowCallback) {
      const { type, workflowName, instanceId } = callback;
      await agent.onWorkflowCallback(callback);
      if (type === "progress") await agent.onWorkflowProgress(workflowName, instanceId, callback.progress);
      else if (type === "complete") await agent.onWorkflowComplete(workflowName, instanceId, callback.result);
      else if (type === "error") await agent.onWorkflowError(workflowName, instanceId, callback.error);
      else await agent.onWorkflowEvent(workflowName, instanceId, callback.event);
    },
    broadcast: (message) => agent.broadcast(JSON.stringify(message)),
    replaceState: (state) => agent.setState(state),
    mergeState: (partial) => agent.setState({ ...(agent.state as object), ...(partial as object) }),
    resetState: () => agent.setState(agent.initialState)
  };
}

function retentionMs(
  seconds: number | Partial<Record<string, number>> | undefined,
  status: WorkflowStatus
): number | undefined {
  const kept = typeof seconds === "object" ? seconds[status] : seconds;
  return kept === undefined ? undefined : kept * 1_000;
}
