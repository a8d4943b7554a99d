import type { UIMessage } from "ai";
import type { ChatResponseFrame, ChatServerFrame, ToolApprovalFrame, ToolResultFrame } from "../protocol/frames";
import { isSpeaking } from "./conversation";
import type { CallAnswer } from "./events";
import type { Asked, Line, LineHost } from "./line";
import { parseChunk, randomId, requestFrame } from "./requests";

/** A request as it was sent. */
interface Request {
  id: string;
  /** The frame. */
  text: string;
  /** The new message in it, which the server may not have stored yet. */
  messageId: string | undefined;
  /** It was on its way when the connection was lost: it may have ended meanwhile. */
  isUncertain: boolean;
}

/**
 * A server that speaks the documented protocol only: whole lists of messages, over HTTP and as frames, requests that carry the list,
 * and streams that are replayed from the beginning. The client counts chunks itself.
 */
export class DocumentedLine implements Line {
  readonly #host: LineHost;
  readonly #requests = new Map<string, Request>();
  /** Requests whose answer is of no interest any more. */
  readonly #dropped = new Set<string>();
  /** Calls whose answers have been sent. */
  readonly #answered = new Set<string>();
  /** Those that were on their way when a connection was lost. */
  #uncertainAnswers: readonly string[] = [];
  #isGivenUp = false;
  #isStarting = false;
  /** The messages to begin with have come. */
  #hasBegun = false;
  /** The transcript may have messages that nobody told this client about. */
  #isBehind = false;
  /** Counts what makes messages obsolete that are being loaded. */
  #changes = 0;
  #loadError: Error | undefined;
  /** The stream that is about to be replayed. */
  #awaitedReplay: string | undefined;
  /** How many chunks of the replay have come. */
  #replayed = 0;

  constructor(host: LineHost) {
    this.#host = host;
  }

  opened(): void {
    this.#isGivenUp = false;
    this.#changes++;
    if (this.#host.state.isLoading) return void this.#start();
    // What others said meanwhile came to nobody here.
    this.#isBehind = true;
    this.#host.send({ type: "cf_agent_stream_resume_request" });
    this.#host.flush();
  }

  /** Another line has the conversation. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  lost(): void {
    this.#awaitedReplay = undefined;
    this.#replayed = 0;
    for (const request of this.#requests.values()) request.isUncertain = true;
    this.#uncertainAnswers = [...this.#answered];
  }

  receive(frame: ChatServerFrame): void {
    if (changesTranscript(frame)) this.#changes++;
    // Before the transcript is there, chunks of others have nothing to be added to; they are replayed when it is.
    const isOwn = frame.type === "cf_agent_use_chat_response" && this.#requests.has(frame.id);
    if (this.#host.state.isLoading && !isOwn) return;
    switch (frame.type) {
      case "cf_agent_use_chat_response":
        return this.#response(frame);
      case "cf_agent_chat_messages":
        return this.#host.dispatch({ type: "listed", messages: frame.messages });
      case "cf_agent_message_updated":
        return this.#host.dispatch({ type: "updated", message: frame.message });
      case "cf_agent_chat_clear":
        return this.#host.dispatch({ type: "cleared", wholly: false });
      case "cf_agent_stream_resuming":
        return this.#acceptOffer(frame.id);
      case "cf_agent_stream_resume_none":
        return void this.#caughtUp();
      default:
        return;
    }
  }

  ask(asked: Asked): void {
    const { operation } = asked;
    const { id, kind } = operation;
    if (kind === "clear") this.#clear();
    else if (kind === "delete") this.rewrite(asked.messages);
    else if (kind !== "select") return this.#request(asked);
    else this.#host.failed(new Error("This agent keeps no other branches"));
    this.#host.dispatch({ type: "ended", turnId: id, requestId: id, result: "transcript" });
  }

  get awaited(): string | undefined {
    return this.#awaitedReplay;
  }

  hasSent(id: string): boolean {
    return this.#requests.has(id);
  }

  #request({ operation, extras, messages, clientTools }: Asked): void {
    const { id, kind, messageId, message } = operation;
    const trigger = kind === "regenerate" ? "regenerate-message" : "submit-message";
    let list = [...messages];
    // An edited message keeps its id here: that is how the server knows it.
    if (kind === "edit" && message && messageId !== undefined) {
      const edited = { ...message, id: messageId };
      list = list.map((each) => (each.id === message.id ? edited : each));
      this.#host.dispatch({ type: "asked", operation: { ...operation, message: edited } });
    }
    const frame = requestFrame(id, { messages: list, trigger, messageId, clientTools }, extras);
    const added = kind === "append" ? message?.id : kind === "edit" ? messageId : undefined;
    const request = { id, text: JSON.stringify(frame), messageId: added, isUncertain: false };
    this.#requests.set(id, request);
    this.#send(request);
  }

  answer({ frame, toolCallId }: CallAnswer): void {
    if (this.#answered.has(toolCallId)) return;
    this.#answered.add(toolCallId);
    let documented: ToolResultFrame | ToolApprovalFrame = frame;
    const refused = (error: Error) => {
      this.#answered.delete(toolCallId);
      this.#host.dispatch({ type: "declined", toolCallId });
      this.#host.failed(error);
    };
    if (frame.type === "cf_agent_tool_approval") {
      const { comment: _comment, input, ...rest } = frame;
      // It would run the call with the input that was not approved.
      if (input !== undefined) return refused(new Error("This agent takes no other input for a call"));
      documented = rest;
    }
    this.#host.send(documented, refused);
  }

  #clear(): void {
    // What is on its way is of a conversation that is gone.
    for (const id of this.#requests.keys()) this.#dropped.add(id);
    this.#requests.clear();
    this.#host.send({ type: "cf_agent_chat_clear" });
  }

  rewrite(messages: readonly UIMessage[]): void {
    this.#host.dispatch({ type: "listed", messages });
    this.#host.send({ type: "cf_agent_chat_messages", messages: [...messages] }, (error) => this.#host.failed(error));
  }

  #send({ id, text }: Request): void {
    this.#host.send(text, (error) => {
      this.#requests.delete(id);
      this.#host.dispatch({ type: "failed", id, error });
    });
  }

  // --- beginning, and finding the connection again ---

  async #start(): Promise<void> {
    // It loads again by itself when something has happened meanwhile.
    if (this.#isStarting) return;
    this.#isStarting = true;
    this.#host.flush();
    await this.#load();
    this.#isStarting = false;
    if (this.#isGivenUp) return;
    this.#host.dispatch({ type: "loaded" });
    if (!this.#host.isOpen) return;
    if (this.#host.resume) this.#host.send({ type: "cf_agent_stream_resume_request" });
    else this.#host.caughtUp();
  }

  /** A turn that is gone with the conversation: what still comes of it is not followed. */
  drop(requestId: string): void {
    this.#dropped.add(requestId);
  }

  /** Loads the messages, again if something happens meanwhile. @returns them, `undefined` if that fails */
  async #load(): Promise<readonly UIMessage[] | undefined> {
    const { loadFirst, loadStored } = this.#host;
    const load = this.#hasBegun ? loadStored : (loadFirst ?? loadStored);
    if (!load) return this.#host.state.transcript.messages;
    try {
      let messages: readonly UIMessage[];
      let changes: number;
      do {
        changes = this.#changes;
        messages = await load();
      } while (changes !== this.#changes);
      if (this.#isGivenUp) return undefined;
      this.#host.dispatch({ type: "listed", messages });
      this.#hasBegun = true;
      this.#isBehind = false;
      if (this.#loadError && this.#host.state.error === this.#loadError)
        this.#host.dispatch({ type: "erred", error: undefined });
      return messages;
    } catch (error) {
      if (this.#isGivenUp) return undefined;
      this.#isBehind = true;
      this.#loadError = error instanceof Error ? error : new Error(String(error));
      this.#host.failed(this.#loadError);
      return undefined;
    }
  }

  /** There is no stream to follow: what was missed is in the transcript, and what is not there has to be said again. */
  async #caughtUp(): Promise<void> {
    const { turn, expects } = this.#host.state;
    const isMissing = this.#isBehind || this.#hasUncertain || isSpeaking(this.#host.state) || expects;
    const stored = isMissing ? await this.#load() : undefined;
    if (stored) {
      const known = new Set(stored.map(({ id }) => id));
      for (const request of [...this.#requests.values()].filter(({ isUncertain }) => isUncertain)) {
        const operation = this.#host.state.operations.find(({ id }) => id === request.id);
        request.isUncertain = false;
        if (!operation || operation.isStopped || request.messageId === undefined || known.has(request.messageId))
          this.#end(request.id);
        else this.#send(request);
      }
      // What the conversation shows by now is not an answer of this client any more: the others have not arrived.
      for (const toolCallId of this.#uncertainAnswers) this.#answered.delete(toolCallId);
      this.#uncertainAnswers = [];
      this.#host.flush();
    }
    if (this.#isGivenUp) return;
    // Another may have begun while the messages were being loaded.
    if (this.#host.state.turn?.id === turn?.id) this.#host.dispatch({ type: "idle" });
    this.#host.caughtUp();
  }

  get #hasUncertain(): boolean {
    return [...this.#requests.values()].some(({ isUncertain }) => isUncertain);
  }

  // --- streams ---

  /** A stream is offered to each connection and again when that asks. Before a replay, all offers are of that replay. */
  #acceptOffer(id: string): void {
    // What is being said answers something that may be new here.
    if (this.#isBehind) {
      this.#isBehind = false;
      void this.#load();
    }
    if (!this.#host.resume && !this.#requests.has(id)) return;
    if (this.#awaitedReplay === id) return;
    this.#awaitedReplay = id;
    this.#replayed = 0;
    this.#host.send({ type: "cf_agent_stream_resume_ack", id });
  }

  #response(frame: ChatResponseFrame): void {
    const { id, done, replay = false, continuation = false } = frame;
    if (id === this.#awaitedReplay && (done || frame.replayComplete)) this.#awaitedReplay = undefined;
    if (this.#dropped.has(id)) {
      if (done) this.#dropped.delete(id);
      return;
    }
    const request = this.#requests.get(id);
    if (request) request.isUncertain = false;
    if (done) {
      this.#end(id, frame.error ? new Error(frame.body) : undefined);
      // A turn of this client may have ended while another one's stream was resumed.
      if (this.#hasUncertain) this.#host.send({ type: "cf_agent_stream_resume_request" });
      return;
    }
    // The next replay begins at the beginning.
    if (frame.replayComplete) this.#replayed = 0;
    const chunk = frame.replayComplete ? undefined : parseChunk(frame.body);
    if (!chunk) return;
    const { turn } = this.#host.state;
    const passed = turn?.id === id ? turn.seq : 0;
    this.#host.dispatch({
      type: "chunk",
      turnId: id,
      requestId: id,
      seq: replay ? ++this.#replayed : passed + 1,
      attempt: 1,
      chunk,
      continuation,
      resumed: replay && !request,
      newId: randomId()
    });
  }

  #end(id: string, error?: Error): void {
    const { turn } = this.#host.state;
    this.#requests.delete(id);
    this.#replayed = 0;
    const wasMine = turn?.id === id ? turn.mine : this.#host.state.expects;
    this.#host.dispatch({ type: "ended", turnId: id, requestId: id, error, result: "message" });
    this.#host.over(wasMine);
  }
}

function changesTranscript({ type, ...frame }: ChatServerFrame): boolean {
  if (type === "cf_agent_use_chat_response") return "done" in frame && frame.done;
  return type === "cf_agent_chat_messages" || type === "cf_agent_message_updated" || type === "cf_agent_chat_clear";
}
