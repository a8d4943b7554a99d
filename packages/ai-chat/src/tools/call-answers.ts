import { AgentError, type Connection } from "agents";
import type { ApprovalViewer, DecidedApproval } from "agents/approvals";
import { hasFlag, publicMessage, type CapabilityKit } from "agents/capability";
import type { UIMessage } from "ai";
import type { ToolPart } from "../messages/settle";
import type { Transcript } from "../messages/transcript";
import type { ClientToolSchema, ToolApprovalFrame, ToolResultFrame } from "../protocol/frames";
import type { Audience } from "../stream/audience";
import type { Operations } from "../turn/operations";
import { Refusal } from "../turn/refusal";
import type { RequestContext } from "../turn/request-context";
import type { AcceptedTurn, Turns } from "../turn/turns";
import { checkInput, type EditedInput } from "./approval-options";
import {
  callIn,
  isAnswered,
  isSameResult,
  messageWithCall,
  toolNameOf,
  toolOfCall,
  withAnswer,
  withDecision,
  withInvalidInput,
  withToolResult
} from "./answer-call";
import { contextOf, isApprovable, isWaiting, type ApprovableCall, type CallApprovals } from "./call-approvals";

export interface CallAnswersDeps {
  transcript: Transcript;
  turns: Turns;
  operations: Operations;
  context: RequestContext;
  audience: Audience;
  approvals: CallApprovals;
  /** Who somebody is that decides about a call. */
  approver(connection: Connection): ApprovalViewer;
  emit: CapabilityKit["emit"];
  failed(error: unknown): Promise<void>;
}

/** How the conversation goes on after an answer. */
interface GoingOn {
  source?: Connection | undefined;
  autoContinue?: boolean | undefined;
  clientTools?: ClientToolSchema[] | undefined;
}

/** A decision of a client, while it is being stored. */
interface Deciding extends GoingOn {
  source: Connection;
  approvalId: string;
  edited: EditedInput | undefined;
  /** What it makes of the message, if that is not what decisions do. */
  answer: ((message: UIMessage) => UIMessage | undefined) | undefined;
  turn?: AcceptedTurn | undefined;
}

const maxCommentLength = 10_000;

/**
 * What clients and people answer to calls that wait for them. Which these are shows when a turn is over: what the server runs has a
 * result then.
 */
export class CallAnswers {
  readonly #deps: CallAnswersDeps;
  #deciding: Deciding | undefined;

  constructor(deps: CallAnswersDeps) {
    this.#deps = deps;
  }

  /** What the conversation says, not what a client says of it: programs decide by it who may answer. */
  toolOf(toolCallId: string): string {
    const { said } = this.#deps.turns;
    return (said && toolOfCall([said], toolCallId)) || toolOfCall(this.#around(toolCallId), toolCallId);
  }

  // --- frames ---

  async result(connection: Connection, frame: ToolResultFrame): Promise<void> {
    const { toolCallId, clientTools, autoContinue } = frame;
    await this.#answer(connection, toolCallId, (message, call) => {
      const taken = (turn: AcceptedTurn | undefined) => {
        this.#deps.emit("tool:result", () => ({ toolCallId, toolName: toolNameOf(call) }));
        return turn;
      };
      const answer = (to: UIMessage) => withToolResult(to, frame);
      const going = { source: connection, autoContinue, clientTools };
      if (isWaiting(call) && frame.state === "output-error") {
        // To decline a call is a decision about it.
        const comment = frame.errorText?.slice(0, maxCommentLength);
        return taken(
          this.#decide(message, call, { approved: false, comment }, { ...going, edited: undefined, answer })
        );
      }
      const answered = answer(message);
      if (answered) return taken(this.#store(answered, going));
      // Sent again, because the client has not heard that it arrived.
      if (isSameResult(call, frame)) return undefined;
      throw notYours(toolCallId);
    });
  }

  async approval(connection: Connection, frame: ToolApprovalFrame): Promise<void> {
    const { toolCallId, approved, autoContinue, comment, input } = frame;
    const args = approved ? input : undefined;
    await this.#answer(connection, toolCallId, (message, call) => {
      if (!isApprovable(call)) throw notYours(toolCallId);
      const decide = (edited: EditedInput | undefined) => {
        const how = { source: connection, autoContinue, edited, answer: undefined };
        const turn = this.#decide(message, call, { approved, comment, args }, how);
        // Said again, it is no news.
        if (isWaiting(call)) this.#deps.emit("tool:approval", () => ({ toolCallId, approved }));
        return turn;
      };
      const checked = args === undefined ? undefined : this.#checked(call, args);
      return checked instanceof Promise ? checked.then(decide) : decide(checked);
    });
  }

  /** Answers a client what became of its answer. */
  async #answer(
    connection: Connection,
    toolCallId: string,
    answer: (message: UIMessage, call: ToolPart) => AcceptedTurn | undefined | Promise<AcceptedTurn | undefined>
  ): Promise<void> {
    const { turns, failed } = this.#deps;
    let turn: AcceptedTurn | undefined;
    try {
      // What nobody has said is no call, though one of this id may come: whether it may be answered was asked without it.
      if (this.toolOf(toolCallId) === "") throw notYours(toolCallId);
      // The call may be part of what is being said: when that is over, it is stored, and it shows whether the server ran it.
      if (!this.#stored(toolCallId)) await turns.settled;
      const message = this.#stored(toolCallId);
      const call = message && callIn(message, toolCallId);
      if (!call) throw notYours(toolCallId);
      const answered = answer(message, call);
      turn = answered instanceof Promise ? await answered : answered;
    } catch (error) {
      if (error instanceof Refusal || isRefusal(error)) return this.#refuse(connection, toolCallId, error);
      await failed(error);
      return this.#refuse(connection, toolCallId, new Refusal("CHAT_REFUSED", publicMessage(error)));
    }
    this.#accept(connection, toolCallId, turn);
    await turn?.run();
  }

  #decide(
    message: UIMessage,
    call: ApprovableCall,
    choice: { approved: boolean; comment: string | undefined; args?: unknown },
    how: Omit<Deciding, "approvalId">
  ): AcceptedTurn | undefined {
    const { approvals, approver } = this.#deps;
    const deciding: Deciding = { ...how, approvalId: call.approval.id };
    this.#deciding = deciding;
    try {
      const decided = approvals.decide(message, call, { ...choice, ...approver(how.source) });
      // By a grant: nobody was told of it.
      if (decided && isWaiting(call) && !deciding.turn) this.decided(decided);
      return deciding.turn;
    } finally {
      this.#deciding = undefined;
    }
  }

  #checked(call: ToolPart, sent: unknown): EditedInput | undefined | Promise<EditedInput | undefined> {
    const schema = this.#deps.approvals.schemaFor(toolNameOf(call), call.input);
    const checked = schema && checkInput(schema, sent);
    return checked instanceof Promise ? checked.then(taken) : taken(checked);
  }

  // --- decisions, whoever made them ---

  /** Puts a decision into the message of its call, and goes on. Said again, it changes nothing. */
  decided(approval: DecidedApproval): void {
    const { approvals, transcript } = this.#deps;
    const place = contextOf(approval);
    if (approvals.isWithdrawing || !place) return;
    const deciding = this.#deciding?.approvalId === approval.id ? this.#deciding : undefined;
    const message = transcript.get(place.messageId) ?? this.#stored(place.toolCallId);
    const call = message && callIn(message, place.toolCallId);
    if (!call || !isWaiting(call) || call.approval.id !== approval.id) return;
    const answered = deciding?.answer
      ? deciding.answer(message)
      : withAnswer(message, place.toolCallId, (part) => this.#withDecision(part, approval, deciding?.edited));
    if (!answered) return;
    const turn = this.#store(answered, deciding ?? { autoContinue: true });
    if (deciding) deciding.turn = turn;
    else void turn?.run();
  }

  #withDecision(part: ToolPart, approval: DecidedApproval, edited: EditedInput | undefined): object {
    if (edited || approval.status !== "approved" || approval.editedArgs === undefined) {
      return withDecision(part, approval, edited);
    }
    // Decided by code of the program. A schema that takes its time is left to the AI SDK, which reads the input again.
    const schema = this.#deps.approvals.schemaFor(toolNameOf(part), part.input);
    const checked = schema && checkInput(schema, approval.editedArgs);
    if (typeof checked === "string") return withInvalidInput(part, checked);
    return withDecision(part, approval, checked instanceof Promise ? undefined : checked);
  }

  /** A turn has ended. If nobody is asked about its calls, since they are granted, its message goes on. */
  goOn(messageId: string): void {
    const { approvals, transcript } = this.#deps;
    const message = approvals.wasSettled(messageId) ? transcript.get(messageId) : undefined;
    if (message) void this.#store(message, { autoContinue: true }, false)?.run();
  }

  /** The agent has started: whoever was cut before they could ask for approval, asks now. */
  started(): void {
    const { approvals, transcript, failed } = this.#deps;
    try {
      const message = approvals.late(() => transcript.last);
      if (message) void this.#store(message, { autoContinue: true })?.run();
    } catch (error) {
      // It must not keep the agent from starting.
      void failed(error);
    }
  }

  /** Stores a message with an answer, tells everybody, and goes on with it if nothing else is open. */
  #store(answered: UIMessage, going: GoingOn, isNew = true): AcceptedTurn | undefined {
    const { transcript, operations, context, audience } = this.#deps;
    const { last } = context;
    const { source, autoContinue, clientTools = last.clientTools } = going;
    const store = (alongside?: Parameters<Transcript["change"]>[1]) =>
      transcript.change({ removed: [], upserted: isNew ? [answered] : [] }, alongside);
    // One continuation for all answers: the last of them starts it.
    const goesOn = autoContinue === true && isAnswered(answered) && answered.id === transcript.last?.id;
    const request = { source, continues: answered.id, body: last.body, clientTools };
    const turn = goesOn ? operations.goOn(request, store) : undefined;
    if (turn || isNew) audience.updated(turn?.change ?? store(), answered);
    return turn;
  }

  #stored(toolCallId: string): UIMessage | undefined {
    return messageWithCall(this.#around(toolCallId), toolCallId);
  }

  /** Nearly always the call is in the last message; only otherwise all have to be looked at. */
  #around(toolCallId: string): readonly UIMessage[] {
    const { transcript } = this.#deps;
    const { last } = transcript;
    return last && messageWithCall([last], toolCallId) ? [last] : transcript.messages;
  }

  #accept(connection: Connection, toolCallId: string, turn?: { id: string; messageId: string }): void {
    if (!hasFlag(connection, "extended")) return;
    this.#deps.audience.send(connection, {
      type: "cf_agent_chat_accepted",
      id: toolCallId,
      ...this.#deps.transcript.head,
      ...(turn && { turnId: turn.id, messageId: turn.messageId })
    });
  }

  #refuse(connection: Connection, toolCallId: string, { code, message }: Refusal | AgentError): void {
    if (!hasFlag(connection, "extended")) return;
    this.#deps.audience.send(connection, { type: "cf_agent_chat_refused", id: toolCallId, code, message });
  }
}

function taken(checked: EditedInput | string | undefined): EditedInput | undefined {
  if (typeof checked === "string") throw new Refusal("APPROVAL_INVALID", `The tool does not take this: ${checked}`);
  return checked;
}

const isRefusal = (error: unknown): error is AgentError =>
  AgentError.isInstance(error) && error.code.startsWith("APPROVAL_");

const notYours = (toolCallId: string): Refusal =>
  new Refusal("TOOL_CALL_NOT_YOURS", `No call "${toolCallId}" waits for an answer of a client`);
