import type { Connection } from "agents";
import { hasFlag, type CapabilityKit } from "agents/capability";
import type { UIMessage } from "ai";
import type { Transcript } from "../messages/transcript";
import type { ClientToolSchema, ToolApprovalFrame, ToolResultFrame } from "../protocol/frames";
import type { Audience } from "../stream/audience";
import type { Operations } from "../turn/operations";
import type { RequestContext } from "../turn/request-context";
import type { Turns } from "../turn/turns";
import { isAnswered, isSameAnswer, messageWithCall, toolOfCall, withApproval, withToolResult } from "./answer-call";

export interface CallAnswersDeps {
  transcript: Transcript;
  turns: Turns;
  operations: Operations;
  context: RequestContext;
  audience: Audience;
  emit: CapabilityKit["emit"];
}

/**
 * What clients and people answer to calls that wait for them. Which these are shows when a turn is over: what the server runs has a
 * result then.
 */
export class CallAnswers {
  readonly #deps: CallAnswersDeps;

  constructor(deps: CallAnswersDeps) {
    this.#deps = deps;
  }

  /** What the conversation says, not what a client says of it: programs decide by it who may answer. */
  toolOf(toolCallId: string): string {
    const { said } = this.#deps.turns;
    return (said && toolOfCall([said], toolCallId)) || toolOfCall(this.#around(toolCallId), toolCallId);
  }

  async result(connection: Connection, frame: ToolResultFrame): Promise<void> {
    const { toolCallId, toolName, clientTools } = frame;
    this.#deps.emit("tool:result", () => ({ toolCallId, toolName }));
    await this.#answer(connection, frame, (message) => withToolResult(message, frame), clientTools);
  }

  async approval(connection: Connection, frame: ToolApprovalFrame): Promise<void> {
    const { toolCallId, approved } = frame;
    this.#deps.emit("tool:approval", () => ({ toolCallId, approved }));
    await this.#answer(connection, frame, (message) => withApproval(message, frame));
  }

  async #answer(
    connection: Connection,
    frame: ToolResultFrame | ToolApprovalFrame,
    answer: (message: UIMessage) => UIMessage | undefined,
    clientTools?: ClientToolSchema[]
  ): Promise<void> {
    const { transcript, turns, operations, context, audience } = this.#deps;
    const { toolCallId, autoContinue } = frame;
    // What nobody has said is no call, though one of this id may come: whether it may be answered was asked without it.
    if (this.toolOf(toolCallId) === "") return this.#refuse(connection, toolCallId);
    // The call may be part of what is being said: when that is over, it is stored, and it shows whether the server ran it.
    if (!this.#stored(toolCallId)) await turns.settled;
    const message = this.#stored(toolCallId);
    const answered = message && answer(message);
    if (!answered) {
      // Sent again, because the client has not heard that it arrived.
      if (message && isSameAnswer(message, frame)) return this.#accept(connection, toolCallId);
      return this.#refuse(connection, toolCallId);
    }
    const { last } = context;
    const request = {
      source: connection,
      continues: answered.id,
      body: last.body,
      clientTools: clientTools ?? last.clientTools
    };
    const store = (alongside?: Parameters<Transcript["change"]>[1]) =>
      transcript.change({ removed: [], upserted: [answered] }, alongside);
    // One continuation for all results: the last of them starts it.
    const goesOn = autoContinue === true && isAnswered(answered) && answered.id === transcript.last?.id;
    const turn = goesOn ? operations.goOn(request, store) : undefined;
    audience.updated(turn?.change ?? store(), answered);
    this.#accept(connection, toolCallId, turn);
    await turn?.run();
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

  #refuse(connection: Connection, toolCallId: string): void {
    if (!hasFlag(connection, "extended")) return;
    this.#deps.audience.send(connection, {
      type: "cf_agent_chat_refused",
      id: toolCallId,
      code: "TOOL_CALL_NOT_YOURS",
      message: `No call "${toolCallId}" waits for an answer of a client`
    });
  }
}
