import { AgentError } from "../protocol/errors";
import { WorkflowRejectedError } from "./rejected-error";
import type { AgentWorkflowStep } from "./step";
import type { WaitForApprovalOptions, WorkflowDuration } from "./types";
import { durationMs, type Outcome, type Report } from "./wire";

interface Deps {
  tell(report: Report): Promise<unknown>;
  instanceId: string;
  /** What the workflow was started with. */
  params: unknown;
}

const maxArgsLength = 100_000;

/**
 * Asks the agent for an approval, and waits for the event that says it is decided. What the event says does not count where the agent
 * knows better: its row is the truth, whichever way the decision came, and also when the event is late or lost.
 */
export async function awaitDecision(
  step: AgentWorkflowStep,
  number: number,
  options: WaitForApprovalOptions,
  { tell, instanceId, params }: Deps
): Promise<unknown> {
  const { timeout = "365 days", stepName = "wait for approval", args = whole(params), ...asked } = options;
  // Each wait has a type of its own: a decision that comes twice must not decide the next one.
  const { eventType = number === 1 ? "approval" : `approval-${number}`, ...request } = asked;
  const timeoutMs = durationMs(timeout);
  if (timeoutMs === undefined) {
    throw new AgentError("WORKFLOW_INVALID", `timeout must be ms, or a text like "7 days", not "${timeout}"`);
  }
  // What an agent answers to these is an outcome, and passes through the engine as it is.
  const ask = (report: Report) => tell(report) as Promise<Outcome & Rpc.Serializable<Outcome>>;
  let outcome: Outcome = await step.do(`${stepName}: ask`, () =>
    ask({ kind: "ask", number, eventType, timeoutMs, args, ...request })
  );
  const { expiresMs } = { expiresMs: Infinity, ...outcome };
  for (let left: WorkflowDuration = timeout; outcome.status === "pending"; left = Math.max(expiresMs - Date.now(), 1)) {
    const event = await eventOf(step, stepName, eventType, left);
    outcome = await step.do(`${stepName}: decide`, () =>
      ask({ kind: "settle", number, event, isOver: event === undefined })
    );
  }
  if (outcome.status === "rejected") throw new WorkflowRejectedError(outcome.reason, instanceId, outcome.metadata);
  return outcome.status === "approved" ? outcome.metadata : undefined;
}

/** The payload of the event; nothing when the time is over. */
async function eventOf(
  step: AgentWorkflowStep,
  name: string,
  type: string,
  timeout: WorkflowDuration
): Promise<unknown> {
  try {
    const { payload } = await step.waitForEvent(name, { type, timeout });
    return payload ?? null;
  } catch (error) {
    const { name: errorName, message } = error as Error;
    if (/timed? ?out/i.test(`${errorName} ${message}`)) return undefined;
    throw error;
  }
}

/** The parameters, where they can be shown to whoever decides. */
function whole(params: unknown): unknown {
  try {
    return JSON.stringify(params).length <= maxArgsLength ? params : undefined;
  } catch {
    return undefined;
  }
}
