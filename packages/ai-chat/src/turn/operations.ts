import type { Connection } from "agents";
import { publicMessage, type CapabilityKit } from "agents/capability";
import type { UIMessage } from "ai";
import type { Branches } from "../messages/branches";
import { fitRow, maxRowBytes } from "../messages/fit-row";
import { reconcileList, reconcileRequest, type Changes } from "../messages/reconcile";
import { closeOpenCalls, isOpenCall } from "../messages/settle";
import type { Alongside, Change, Entry, Transcript } from "../messages/transcript";
import { parseRequestBody } from "../protocol/checks";
import type { ChatOperationFrame, ChatRequestFrame, ClientToolSchema } from "../protocol/frames";
import type { Audience } from "../stream/audience";
import { Refusal } from "./refusal";
import type { RequestContext } from "./request-context";
import type { TurnRecords } from "./turn-records";
import type { TurnRequest } from "./turn";
import { KnownRequest, type AcceptedTurn, type Others, type Turns } from "./turns";

/**
 * What becomes of a question that comes while another one is answered: `queue`: its turn comes after. `latest`: what is being said is
 * stopped. `merge`: questions that wait are answered together. `drop`: it is refused.
 */
export type ChatConcurrency = "queue" | "latest" | "merge" | "drop";

export interface OperationDeps {
  transcript: Transcript;
  branches: Branches;
  turns: Turns;
  records: TurnRecords;
  context: RequestContext;
  audience: Audience;
  concurrency(): ChatConcurrency;
  /** What the application makes of a message that is stored. */
  sanitize(message: UIMessage): UIMessage;
  now(): number;
  emit: CapabilityKit["emit"];
  failed(error: unknown): Promise<void>;
}

/** What a user does to the conversation: in operations of the extensions, or in the lists of documented clients. */
export class Operations {
  readonly #deps: OperationDeps;

  constructor(deps: OperationDeps) {
    this.#deps = deps;
  }

  // --- operations of the extensions ---

  /** Does what is asked for, or refuses it with nothing changed. A request that comes again is answered again. */
  async perform(connection: Connection, frame: ChatOperationFrame): Promise<void> {
    const { audience, transcript, context, emit, failed } = this.#deps;
    const { id } = frame;
    let accepted: AcceptedTurn | undefined;
    try {
      accepted = this.#perform(connection, frame);
    } catch (error) {
      if (this.#isKnown(error, id)) return this.#answerAgain(connection, id);
      if (!(error instanceof Refusal)) {
        context.forget();
        await failed(error);
      }
      const { code, message } =
        error instanceof Refusal ? error : { code: "CHAT_REFUSED", message: publicMessage(error) };
      return audience.send(connection, { type: "cf_agent_chat_refused", id, code, message });
    }
    if (accepted) emit("message:request", () => ({}));
    const turn = accepted && { turnId: accepted.id, messageId: accepted.messageId };
    audience.send(connection, { type: "cf_agent_chat_accepted", id, ...transcript.head, ...turn });
    await accepted?.run();
  }

  #perform(connection: Connection, frame: ChatOperationFrame): AcceptedTurn | undefined {
    switch (frame.operation) {
      case "append":
        return this.#append(connection, frame, frame.message!);
      case "edit":
        return this.#edit(connection, frame, frame.messageId!, frame.message!);
      case "regenerate":
        return this.#regenerate(connection, frame);
      case "continue":
        return this.#continue(connection, frame);
      case "delete":
        return this.#delete(frame.id, frame.messageId!);
      case "select":
        this.select(frame.messageId!, frame.id);
        return undefined;
      case "clear":
        return this.clear(frame.id);
    }
  }

  /** The turn of a request that came before, perhaps over by now. */
  #answerAgain(connection: Connection, id: string): void {
    const { turns, records, audience, transcript } = this.#deps;
    const live = turns.find(id);
    const ended = live ? undefined : records.find("request_id", id);
    const turn = live ?? (ended?.id ? ended : undefined);
    const named = turn && { turnId: turn.id, messageId: turn.messageId };
    audience.send(connection, { type: "cf_agent_chat_accepted", id, ...transcript.head, ...named });
    if (ended?.id) this.tellEnd(connection, ended.id);
  }

  /** Tells a client how a turn ended, which was cut off meanwhile. */
  tellEnd(connection: Connection, turnId: string): void {
    const { records, audience } = this.#deps;
    const turn = records.find("id", turnId);
    if (!turn?.outcome) return;
    const { id, requestId, outcome, error } = turn;
    audience.doneTo(
      connection,
      { id, requestId, source: undefined, continuation: false },
      { outcome, error, seq: undefined }
    );
  }

  #append(connection: Connection, frame: ChatOperationFrame, message: UIMessage): AcceptedTurn {
    checkAsked(message);
    const closed = this.#closedLast();
    const request = requestOf(connection, frame);
    return this.#ask(
      request,
      { removed: [], upserted: closed ? [closed, message] : [message] },
      { others: this.#others(), after: (added) => checkNew(message, added) }
    );
  }

  #edit(connection: Connection, frame: ChatOperationFrame, messageId: string, message: UIMessage): AcceptedTurn {
    checkAsked(message);
    const { transcript } = this.#deps;
    if (this.#known(messageId).role !== "user")
      throw new Refusal("CHAT_MESSAGE_INVALID", "Only a user's message can be edited");
    this.#checkBusy();
    const tail = transcript.from(messageId);
    return this.#ask(
      requestOf(connection, frame),
      { removed: tail, upserted: [message] },
      {
        others: "dropped",
        before: this.#archiving(tail, tail.includes(message.id) ? message.id : undefined),
        after: (added) => checkNew(message, added)
      }
    );
  }

  #regenerate(connection: Connection, frame: ChatOperationFrame): AcceptedTurn {
    const { transcript, turns } = this.#deps;
    this.#checkBusy();
    const { last } = transcript;
    const isLive = frame.messageId !== undefined && frame.messageId === turns.live?.messageId;
    const asked = frame.messageId === undefined ? last : transcript.get(frame.messageId);
    if (!asked && frame.messageId !== undefined && !isLive) throw unknownMessage(frame.messageId);
    const tail = asked ? transcript.from(asked.id).slice(asked.role === "user" ? 1 : 0) : [];
    return this.#ask(
      requestOf(connection, frame),
      { removed: tail, upserted: [] },
      { others: "dropped", before: this.#archiving(tail) }
    );
  }

  #continue(connection: Connection, frame: ChatOperationFrame): AcceptedTurn {
    const { last } = this.#deps.transcript;
    const { messageId } = frame;
    if (messageId !== undefined && messageId !== last?.id) {
      this.#known(messageId);
      throw new Refusal("CHAT_MESSAGE_INVALID", "Only the last message can be taken up");
    }
    if (!last) throw new Refusal("CHAT_MESSAGE_UNKNOWN", "There is no message to take up");
    const request = requestOf(connection, frame);
    // Nothing was said, or nothing of it could be kept: the question is answered from the beginning.
    const isAnswer = last.role === "assistant";
    const closed = isAnswer ? this.#closedLast(isOpenCall) : undefined;
    return this.#ask(
      isAnswer ? { ...request, continues: last.id } : request,
      { removed: [], upserted: closed ? [closed] : [] },
      { others: this.#others() }
    );
  }

  #delete(id: string, messageId: string): undefined {
    const { transcript, branches, turns, records, now, audience } = this.#deps;
    this.#known(messageId);
    const removed = transcript.withAnswers(messageId);
    const unwanted = turns.answering(removed);
    const change = transcript.change(
      { removed, upserted: [] },
      {
        after: () => {
          branches.forget(removed);
          unwanted.drop();
          if (!records.addEnded(id, "delete", now())) throw new KnownRequest();
        }
      }
    );
    unwanted.abort();
    audience.changed(change);
  }

  /** Makes the branch on which a message is the active one. */
  select(messageId: string, requestId = crypto.randomUUID()): void {
    const { transcript, branches, turns, records, now, audience } = this.#deps;
    if (turns.isBusy) throw new Refusal("CHAT_BUSY", "A branch cannot be selected while an answer is given");
    const found = branches.find(messageId);
    if (!found) {
      this.#known(messageId);
      if (!records.addEnded(requestId, "select", now())) throw new KnownRequest();
      return;
    }
    const { branch, parentId } = found;
    // A branch of a branch: that one first.
    if (parentId !== undefined && !transcript.get(parentId)) this.select(parentId);
    const tail = this.#after(parentId);
    const change = transcript.exchange(tail, branches.entries(branch), {
      before: () => {
        branches.archive(tail, parentId);
        branches.remove(branch);
        if (!records.addEnded(requestId, "select", now())) throw new KnownRequest();
      }
    });
    audience.changed(change);
  }

  /** All versions of a message, the oldest first; only the message itself where it was never replaced. */
  branchesOf(messageId: string): UIMessage[] {
    const { transcript, branches } = this.#deps;
    const found = branches.find(messageId);
    if (!found && !transcript.get(messageId)) return [];
    const parentId = found ? found.parentId : transcript.previous(messageId);
    const entries: (Entry | { message: UIMessage; place: string })[] = branches.alternatives(parentId);
    const active = this.#activeAfter(parentId);
    if (active) entries.push(active);
    return entries.sort((a, b) => (a.place < b.place ? -1 : 1)).map(({ message }) => message);
  }

  #activeAfter(parentId: string | undefined): Entry | undefined {
    const { transcript } = this.#deps;
    if (parentId !== undefined && !transcript.get(parentId)) return undefined;
    const id = transcript.next(parentId);
    return id === undefined ? undefined : transcript.entry(id);
  }

  /** The active path after a message; all of it after none. */
  #after(parentId: string | undefined): string[] {
    const { transcript } = this.#deps;
    return parentId === undefined ? transcript.ids() : transcript.from(parentId).slice(1);
  }

  /** Removes everything. */
  clear(requestId?: string): undefined {
    const { transcript, branches, context, turns, records, now, audience, emit } = this.#deps;
    const all = turns.all;
    transcript.clear(() => {
      if (requestId !== undefined && !records.addEnded(requestId, "clear", now())) throw new KnownRequest();
      all.drop();
      branches.clear();
      context.clear();
    });
    emit("message:clear", () => ({}));
    all.abort();
    audience.cleared();
  }

  // --- documented clients ---

  /** A request with a client's whole list, which stands for what its user did. */
  async request(connection: Connection, { id, init }: ChatRequestFrame): Promise<void> {
    const { transcript, turns, context, audience, emit, failed } = this.#deps;
    // Sent twice, after a reconnect: it is being answered, and can be resumed.
    if (turns.find(id)) return;
    const refuse = (message: string) =>
      audience.send(connection, { type: "cf_agent_use_chat_response", id, body: message, done: true, error: true });
    const parsed = parseRequestBody(init.body);
    if (!parsed) return refuse("The chat request has no valid list of messages");
    const { messages, trigger = "submit-message", messageId: _, clientTools, ...body } = parsed;
    if (turns.isBusy && this.#deps.concurrency() === "drop") return refuse(busyText);
    const changes = reconcileRequest(transcript.messages, messages, trigger, (message) => this.#asStored(message));
    const instead = changes.removed.length > 0 || trigger === "regenerate-message";
    const { last } = transcript;
    // The client asks for more of what was said last: it appends to that message.
    const continues =
      last?.role === "assistant" && messages.at(-1)?.id === last.id && trigger === "submit-message"
        ? last.id
        : undefined;
    if (last && !changes.removed.includes(last.id)) {
      // An approved call runs when its message goes on.
      const closed = this.#closedLast(continues ? isOpenCall : undefined);
      if (closed) changes.upserted.unshift(closed);
    }
    const replaced = changes.edited.length > 0 ? "edit" : "regenerate";
    const operation = instead ? replaced : continues ? "continue" : "append";
    const request = {
      requestId: id,
      operation,
      source: connection,
      continues,
      body,
      headers: init.headers,
      clientTools
    };
    let accepted: AcceptedTurn;
    try {
      accepted = this.#ask(request, changes, {
        others: instead ? "dropped" : this.#others(),
        before: this.#archiving([...changes.edited, ...changes.removed], changes.edited[0])
      });
    } catch (error) {
      if (error instanceof KnownRequest) {
        // It was answered: the transcript has it all.
        audience.send(connection, { type: "cf_agent_chat_messages", messages: transcript.messages });
        return audience.send(connection, { type: "cf_agent_use_chat_response", id, body: "", done: true });
      }
      // Nothing was stored, and the client must not wait for an answer.
      context.forget();
      await failed(error);
      return refuse(publicMessage(error));
    }
    emit("message:request", () => ({}));
    await accepted.run();
  }

  #asStored(message: UIMessage): UIMessage {
    try {
      return fitRow(this.#deps.sanitize(message));
    } catch {
      // It is refused when it is to be stored.
      return message;
    }
  }

  /** A client sets the whole list. */
  rewrite(connection: Connection, messages: readonly UIMessage[]): void {
    const { transcript, branches, turns, audience } = this.#deps;
    const changes = reconcileList(transcript.messages, messages);
    const asked = transcript.messages.findLast(({ role }) => role === "user");
    // What is being said answers something that is gone.
    const unwanted = asked && changes.removed.includes(asked.id) ? turns.all : turns.answering(changes.removed);
    const change = transcript.change(changes, {
      after: () => {
        branches.forget(changes.removed);
        unwanted.drop();
      }
    });
    unwanted.abort();
    audience.changed(change, connection);
  }

  // --- the application ---

  /** Adds and replaces messages, then asks for an answer. */
  save(messages: readonly UIMessage[]): AcceptedTurn {
    const { transcript, turns, context } = this.#deps;
    const { body, clientTools } = context.last;
    const { last } = transcript;
    const all = last && !messages.some(({ id }) => id === last.id) ? [last, ...messages] : messages;
    const settled = all.map((message, index) =>
      index < all.length - 1 && !turns.isBusy ? closeOpenCalls(message) : message
    );
    const request = { requestId: crypto.randomUUID(), operation: "save", body, clientTools };
    return this.#ask(request, { removed: [], upserted: transcript.changed(settled) }, { keepContext: true });
  }

  /** Stores the answer to a call, and goes on with its message if nothing else is open. */
  goOn(request: Omit<TurnRequest, "requestId" | "operation">, change: (alongside?: Alongside) => Change): AcceptedTurn {
    return this.#deps.turns.accept({ ...request, requestId: crypto.randomUUID(), operation: "tool" }, change);
  }

  // --- in common ---

  /** Stores what is asked and accepts the turn that answers it, together; then tells everybody. */
  #ask(
    request: TurnRequest,
    changes: Changes,
    { others = "first", before, after, keepContext = false }: Asking = {}
  ): AcceptedTurn {
    const { transcript, turns, context, audience } = this.#deps;
    const accepted = turns.accept(
      request,
      (begin) =>
        transcript.change(changes, {
          ...(before && { before }),
          after: (added) => {
            begin.after?.(added);
            after?.(added);
            if (!keepContext) context.remember(request.body ?? {}, request.clientTools);
          }
        }),
      others
    );
    audience.changed(accepted.change, request.source);
    return accepted;
  }

  /** Keeps what is about to be replaced. */
  #archiving(tail: readonly string[], reused?: string): (() => void) | undefined {
    const [first] = tail;
    if (first === undefined) return undefined;
    const parentId = this.#deps.transcript.previous(first);
    return () => this.#deps.branches.archive(tail, parentId, reused);
  }

  #others(): Others {
    this.#checkBusy();
    const concurrency = this.#deps.concurrency();
    return concurrency === "latest" ? "stopped" : concurrency === "merge" ? "merged" : "first";
  }

  #checkBusy(): void {
    if (this.#deps.turns.isBusy && this.#deps.concurrency() === "drop") throw new Refusal("CHAT_BUSY", busyText);
  }

  /** What was done already cannot be done again, and what it was about may be gone: it is not refused for that. */
  #isKnown(error: unknown, requestId: string): boolean {
    if (error instanceof KnownRequest) return true;
    return error instanceof Refusal && this.#deps.records.find("request_id", requestId) !== undefined;
  }

  #known(messageId: string): UIMessage {
    const message = this.#deps.transcript.get(messageId);
    if (!message) throw unknownMessage(messageId);
    return message;
  }

  /** The last message without calls that wait, because the conversation goes on without them. */
  #closedLast(isOpen?: typeof isOpenCall): UIMessage | undefined {
    const { transcript, turns } = this.#deps;
    const { last } = transcript;
    if (!last || turns.isBusy) return undefined;
    const closed = closeOpenCalls(last, isOpen);
    return closed === last ? undefined : closed;
  }
}

interface Asking {
  others?: Others;
  before?: (() => void) | undefined;
  after?: (added: ReadonlySet<string>) => void;
  /** It came with nothing that is to be remembered. */
  keepContext?: boolean;
}

const busyText = "Another message is being answered";

const requestOf = (connection: Connection, frame: ChatOperationFrame): TurnRequest => ({
  requestId: frame.id,
  operation: frame.operation,
  source: connection,
  body: frame.body ?? {},
  headers: frame.headers,
  clientTools: frame.clientTools as ClientToolSchema[] | undefined
});

const unknownMessage = (id: string): Refusal => new Refusal("CHAT_MESSAGE_UNKNOWN", `There is no message "${id}"`);

function checkAsked(message: UIMessage): void {
  if (message.role !== "user") throw new Refusal("CHAT_MESSAGE_INVALID", "A client can only say what a user says");
  const bytes = new TextEncoder().encode(JSON.stringify(message)).length;
  if (bytes <= maxRowBytes) return;
  throw new Refusal("CHAT_TOO_LARGE", `A message has at most ${maxRowBytes} bytes as JSON; this one has ${bytes}`);
}

function checkNew({ id }: UIMessage, added: ReadonlySet<string>): void {
  if (!added.has(id)) throw new Refusal("CHAT_MESSAGE_INVALID", `There is a message "${id}" already`);
}
