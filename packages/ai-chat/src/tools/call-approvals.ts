import { AgentError } from "agents";
import type { Approval, Approvals, ApprovalViewer, DecidedApproval } from "agents/approvals";
import type { UIMessage } from "ai";
import { isToolPart, type ToolPart } from "../messages/settle";
import type { Watch } from "../messages/watch";
import { schemaOf, type InputSchema, type ToolApprovalOptions } from "./approval-options";
import { toolNameOf, withDecision } from "./answer-call";

export interface CallApprovalsDeps {
  /** Those of the agent: made when it is first asked for them. */
  approvals(): Approvals;
  /** Whether anything of the agent was ever to be approved. Costs nothing. */
  exists(): boolean;
  options(toolName: string, input: unknown): ToolApprovalOptions | undefined | void;
  /** The turn that is about to store a message. */
  turnOf(messageId: string): string | undefined;
  /** Whether the next start has to look for calls that nobody was asked about. Costs nothing. */
  isMarked(): boolean;
  mark(marked: boolean): void;
  failed(error: unknown): Promise<void>;
}

/** Where the call is of which an approval is. */
export interface CallContext {
  toolCallId: string;
  messageId: string;
  turnId?: string;
}

/** A call of the server's that waits for a person, or has waited. */
export type ApprovableCall = ToolPart & { approval: { id: string } };

type Choice = ApprovalViewer & { approved: boolean; comment?: string | undefined; args?: unknown };

const source = "chat";
/** So many calls of one message go on without a person. A model that calls for ever is asked no more. */
const maxSettled = 20;
const maxPending = 500;
const goneText = "The conversation went on without it.";
const notAskedText = "Nobody could be asked for approval.";

export const isApprovable = (part: UIMessage["parts"][number]): part is ApprovableCall =>
  isToolPart(part) && !part.providerExecuted && typeof part.approval?.id === "string";

export const isWaiting = (part: UIMessage["parts"][number]): part is ApprovableCall =>
  isApprovable(part) && part.state === "approval-requested";

/** Where the call of an approval is; nothing for one that a program has made up. */
export function contextOf({ context }: Approval): CallContext | undefined {
  const { toolCallId, messageId } = (context ?? {}) as Partial<Record<string, unknown>>;
  return typeof toolCallId === "string" && typeof messageId === "string" ? { toolCallId, messageId } : undefined;
}

/**
 * The calls that wait for approval, as rows of `agents/approvals`: there is one when the message with the call is stored, and it is
 * taken back when the call is gone, in the same transaction.
 */
export class CallApprovals implements Watch {
  readonly #deps: CallApprovalsDeps;
  /** The message that was stored last, if calls of it were settled just then: it is not to wait for anybody. */
  #settled: string | undefined;
  /** The agent has not started: its code is not asked yet. */
  #isEarly = false;
  #isWithdrawing = false;

  constructor(deps: CallApprovalsDeps) {
    this.#deps = deps;
  }

  /** Whether the decision that is told of right now is that there is nothing to decide any more. */
  get isWithdrawing(): boolean {
    return this.#isWithdrawing;
  }

  // --- what is stored ---

  /** Asks for approval of the calls of a message that wait. What was decided before, or by a grant, does not wait. */
  storing(message: UIMessage): UIMessage {
    this.#settled = undefined;
    if (message.role !== "assistant" || !message.parts.some(isWaiting)) return message;
    if (this.#isEarly) {
      this.#deps.mark(true);
      return message;
    }
    const parts = message.parts.map((part) => (isWaiting(part) ? this.#asked(message.id, part) : part));
    if (parts.every((part, index) => part === message.parts[index])) return message;
    if (parts.filter(isSettled).length <= maxSettled) this.#settled = message.id;
    return { ...message, parts };
  }

  #asked(messageId: string, part: ApprovableCall): ToolPart {
    try {
      const approval = this.#deps.approvals().get(part.approval.id) ?? this.#request(messageId, part);
      return approval.status === "pending" ? part : withDecision(part, approval);
    } catch (error) {
      // Without a row, nobody knows who may decide.
      void this.#deps.failed(error);
      return withDecision(part, { status: "rejected", comment: notAskedText });
    }
  }

  /** The row of a call: what is there, or a new one. */
  #request(messageId: string, part: ApprovableCall): Approval {
    const { toolCallId, input, approval } = part;
    const toolName = toolNameOf(part);
    const { scope, expiresMs, editable, requestedBy } = this.#deps.options(toolName, input) ?? {};
    const turnId = this.#deps.turnOf(messageId);
    const context: CallContext = { toolCallId, messageId, ...(turnId !== undefined && { turnId }) };
    return this.#deps.approvals().request({
      id: approval.id,
      source,
      subject: toolName,
      args: input ?? null,
      // What is signed cannot be another.
      editable: Boolean(editable) && !("signature" in approval),
      context,
      ...(scope !== undefined && { scope }),
      ...(expiresMs !== undefined && { expiresMs }),
      ...(requestedBy !== undefined && { requestedBy })
    });
  }

  /** Takes back what is not there any more, or was answered otherwise. */
  stored(gone: readonly string[], replaced: readonly UIMessage[]): void {
    if (gone.length === 0 && replaced.length === 0) return;
    this.#withdraw((id, messageId) => {
      const message = replaced.find((each) => each.id === messageId);
      if (message) return !message.parts.some((part) => isWaiting(part) && part.approval.id === id);
      return gone.includes(messageId);
    });
  }

  cleared(): void {
    this.#withdraw(() => true);
  }

  #withdraw(isGone: (id: string, messageId: string) => boolean): void {
    if (!this.#deps.exists()) return;
    const approvals = this.#deps.approvals();
    this.#isWithdrawing = true;
    try {
      for (const approval of approvals.list({ status: "pending", source, limit: maxPending })) {
        const place = contextOf(approval);
        if (place && isGone(approval.id, place.messageId)) approvals.cancel(approval.id, { comment: goneText });
      }
    } finally {
      this.#isWithdrawing = false;
    }
  }

  // --- when the agent starts ---

  /** What `run` stores is looked at when the agent has started. */
  async early(run: () => Promise<void>): Promise<void> {
    this.#isEarly = true;
    try {
      await run();
    } finally {
      this.#isEarly = false;
    }
  }

  /**
   * Asks for what was stored too early.
   *
   * @returns the message, if it is another one now
   */
  late(last: () => UIMessage | undefined): UIMessage | undefined {
    if (!this.#deps.isMarked()) return undefined;
    const message = last();
    const asked = message && this.storing(message);
    this.#deps.mark(false);
    return asked === message ? undefined : asked;
  }

  /** Whether a message was stored just now with calls about which nobody is asked. Said once. */
  wasSettled(messageId: string): boolean {
    const wasSettled = this.#settled === messageId;
    this.#settled = undefined;
    return wasSettled;
  }

  // --- decisions of clients ---

  /**
   * Decides about a call. The handler of decisions is told before this returns.
   *
   * @returns nothing if the same was decided, of which there is no row any more
   * @throws what `Approvals.decide` throws, except that a call of which there is no row yet gets one
   */
  decide(
    { id: messageId }: UIMessage,
    part: ApprovableCall,
    { by, rights, approved, comment, args }: Choice
  ): DecidedApproval | undefined {
    const approvals = this.#deps.approvals();
    const choice = {
      approved,
      by,
      ...(rights && { rights }),
      ...(comment !== undefined && { comment }),
      ...(args !== undefined && { args })
    };
    // One person is enough for a call.
    const decide = () => approvals.decide(part.approval.id, choice) as DecidedApproval;
    try {
      return decide();
    } catch (error) {
      if (!AgentError.isInstance(error, "APPROVAL_UNKNOWN")) throw error;
      // It was pruned, or there were no rows when it was decided.
      if (part.state !== "approval-requested") {
        if (part.approval.approved === approved) return undefined;
        throw new AgentError("APPROVAL_DECIDED", "This was decided already");
      }
      this.#request(messageId, part);
      return decide();
    }
  }

  /** By what an edited input is checked, if the application says. */
  schemaFor(toolName: string, input: unknown): InputSchema | undefined {
    return schemaOf(this.#deps.options(toolName, input) ?? {});
  }
}

/** Whether a call was granted, or denied since nobody could be asked. */
function isSettled(part: UIMessage["parts"][number]): boolean {
  if (!isApprovable(part)) return false;
  const { grantId, reason } = part.approval as { grantId?: string; reason?: string };
  return grantId !== undefined || reason === notAskedText;
}
