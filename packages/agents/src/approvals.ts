import type { Agent } from "./agent";
import { approvalsSchema, type DecidedApproval } from "./approvals/approval";
import { Approvals, type ApprovalsDeps } from "./approvals/approvals";
import { lazyCapability, type CapabilityKit } from "./capability";
import { EntryContext, runInContext } from "./core/context";

export type {
  Approval,
  ApprovalAuditEntry,
  ApprovalDecision,
  ApprovalGrant,
  ApprovalStatus,
  ApprovalVote,
  Approved,
  DecidedApproval,
  NotApproved,
  PendingApproval
} from "./approvals/approval";
export type { Approvals } from "./approvals/approvals";
export type { DecisionHandler } from "./approvals/delivery";
export type { ApprovalViewer } from "./approvals/http";
export type { ApprovalChoice, ApprovalRequest } from "./approvals/input";
export type { ApprovalFilter } from "./approvals/list";

/** An agent of whatever type parameters. */
// oxlint-disable-next-line typescript/no-explicit-any
type AnyAgent = Agent<any, any, any>;

type SharedHandler = (agent: AnyAgent, approval: DecidedApproval) => void | Promise<void>;

const sharedHandlers = new Map<string, SharedHandler>();

/** One agent, as its approvals see it. */
function depsOf(kit: CapabilityKit, agent: AnyAgent): ApprovalsDeps {
  return {
    schema: kit.schema("approvals", approvalsSchema),
    now: () => Date.now(),
    wake: () => kit.wake(),
    changed: () => kit.changed(),
    emit: (type, payload) => kit.emit(type, payload),
    failed: (error) => kit.failed(error),
    // Only for the compiler it is not there.
    hold: (promise) => (agent as unknown as { ctx: DurableObjectState }).ctx.waitUntil(promise),
    run: (run) => runInContext(new EntryContext(agent), run),
    sharedHandler: (source) => {
      const handler = sharedHandlers.get(source);
      return handler && ((approval) => handler(agent, approval));
    }
  };
}

/**
 * The approvals of an agent: requests that wait for somebody's decision, as long as it takes. They are made when they are first
 * asked for; an agent that never asks has none of their tables and objects.
 *
 * @example
 * const approvals = approvalsOf(this);
 * const { id } = approvals.request({ subject: "refund", args: { order: 7 }, scope: "billing" });
 * approvals.decide(id, { approved: true, by: "ada", rights: ["billing"] });
 */
export const approvalsOf: (agent: AnyAgent) => Approvals = lazyCapability(
  "approvals",
  (kit, agent) => new Approvals(depsOf(kit, agent))
);

/**
 * For packages: says who is told of decisions about requests of a source, in all agents and in each of their lives. Call it
 * once, at the top level of a module. A handler that an agent sets by `approvals.onDecided` comes before it.
 *
 * @example onDecided("chat", (agent, approval) => { if (agent instanceof ChatAgent) return agent.resume(approval); });
 */
export function onDecided(source: string, handler: SharedHandler): void {
  sharedHandlers.set(source, handler);
}
