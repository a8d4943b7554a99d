import type { Connection, ConnectionContext } from "agents";
import type { Operation } from "agents/capability";
import type { UIMessage, UIMessageChunk } from "ai";
import { AIChatAgent, type OnChatMessageOptions } from "../index";
import type { ChatRecovery } from "../turn/recovery";
import { answers, Script, textAnswer } from "./script";

/** What `onChatMessage` was told. */
type Asked = {
  requestId: string | undefined;
  body: object | undefined;
  clientTools: object[] | undefined;
  headers?: object;
  texts: string[];
};

export { Assistant } from "./assistant";
export { Caller, Expenses } from "./caller";
export { Chatter } from "./chatter";
export { Payer } from "./payer";

/** Answers with as many words as the request says, and looks at no message. */
export class Counter extends AIChatAgent {
  override onChatMessage(_onFinish: unknown, { body }: OnChatMessageOptions) {
    return textAnswer(...Array.from({ length: Number(body?.words ?? 1) }, (_, n) => `${n} `));
  }
  persist(messages: unknown[]) {
    return this.persistMessages(messages as UIMessage[]);
  }
}

/** Answers as the test's `answers` say; a question that begins with "script" is answered by the test, piece by piece. */
export class Talker extends AIChatAgent {
  readonly asked: Asked[] = [];
  /** As the name of the instance says; most tests are about what is kept. */
  override chatRecovery = recoveryOf(this.ctx.id.name ?? "");
  /** Whether the agent had started when it was first asked. */
  startedFirst: boolean | undefined;
  #isStarted = false;
  override async onStart() {
    await new Promise<void>((resolve) => queueMicrotask(resolve));
    // Not waited for: what was cut comes first.
    if (this.ctx.id.name === "resume saving" && this.messages.length === 1)
      void this.saveMessages([{ id: "u2", role: "user", parts: [{ type: "text", text: "hi" }] }]);
    this.#isStarted = true;
  }
  readonly errors: string[] = [];

  /** What the AI SDK calls at the end of an answer. */
  finish: (event: object) => unknown = () => {};
  override async onChatMessage(onFinish: (event: object) => unknown, options?: OnChatMessageOptions) {
    this.finish = onFinish;
    this.startedFirst ??= this.#isStarted;
    const { requestId, body, clientTools, headers } = options ?? {};
    this.asked.push({ requestId, body, clientTools, ...(headers && { headers }), texts: this.messages.map(textOf) });
    const question = this.messages.findLast(({ role }) => role === "user");
    if (question && textOf(question).startsWith("script")) return this.#begin(textOf(question), options?.abortSignal);
    const answer = answers.get(question ? textOf(question) : "");
    if (!answer) throw new Error(`No answer prepared for "${question ? textOf(question) : ""}"`);
    return answer(this, options!);
  }
  /** What clients asked for, and what they may not. */
  readonly operations: Operation[] = [];
  readonly forbidden = new Set<Operation["type"]>();
  override authorize(connection: Connection, operation: Operation) {
    this.operations.push(operation);
    return super.authorize(connection, operation) && !this.forbidden.has(operation.type);
  }
  /** Who came and went. */
  readonly #visits: string[] = [];
  override onConnect({ id }: Connection) {
    this.#visits.push(`${id} came`);
  }
  override onClose({ id }: Connection) {
    this.#visits.push(`${id} left`);
  }
  visits() {
    return this.#visits;
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
    // A report that never arrives.
    if (this.errors.at(-1)!.includes("unreachable")) return new Promise<void>(() => {});
  }
  override shouldConnectionBeReadonly(_connection: Connection, { request }: ConnectionContext) {
    return new URL(request.url).searchParams.has("readonly");
  }
  override shouldSendProtocolMessages(_connection: Connection, { request }: ConnectionContext) {
    return !new URL(request.url).searchParams.has("silent");
  }

  #scripts: Script[] = [];
  #waiting: (() => void)[] = [];
  #answerLate: (() => void) | undefined;
  async #begin(question: string, signal: AbortSignal | undefined): Promise<Response> {
    const script = new Script(question.includes("plain") ? "text/plain" : undefined);
    // A model stops when it is told to; one that is deaf does not.
    if (!question.includes("deaf")) signal?.addEventListener("abort", () => script.isOver || script.end());
    this.#scripts.push(script);
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (question.includes("late")) await new Promise<void>((resolve) => (this.#answerLate = resolve));
    return script.response;
  }
  /** The answer that is being written; waits until there is one. */
  async #script(): Promise<Script> {
    for (;;) {
      const script = this.#scripts.find(({ isOver }) => !isOver);
      if (script) return script;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
  /** Waits until a script was begun. */
  async begun() {
    await this.#script();
  }
  async say(...chunks: object[]) {
    (await this.#script()).chunk(...(chunks as UIMessageChunk[]));
  }
  async sayRaw(text: string | Uint8Array) {
    (await this.#script()).raw(text);
  }
  async sayEnd() {
    (await this.#script()).end();
  }
  async sayFail(message: string) {
    (await this.#script()).fail(message);
  }
  /** Lets `onChatMessage` return what it holds back. */
  answerLate() {
    this.#answerLate!();
  }
  /** Whether somebody stopped reading the latest script. */
  isCancelled() {
    return this.#scripts.at(-1)!.isCancelled;
  }

  history() {
    return this.messages as unknown[];
  }
  questions() {
    return this.asked;
  }
  reported() {
    return this.errors;
  }
  async versions(messageId: string) {
    return (await this.branchesOf(messageId)) as { id: string; parts: object[] }[];
  }
  persist(messages: unknown[]) {
    return this.persistMessages(messages as UIMessage[]);
  }
  save(messages: unknown[]) {
    return this.saveMessages(messages as UIMessage[]);
  }
}

function recoveryOf(name: string): ChatRecovery {
  if (name === "resume once") return { policy: "resume", maxAttempts: 1 };
  if (name.startsWith("resume")) return "resume";
  return name.startsWith("ask ") ? "ask" : "off";
}

const textOf = (message: UIMessage): string =>
  message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");

export default {
  fetch: () => new Response("not found", { status: 404 })
};
