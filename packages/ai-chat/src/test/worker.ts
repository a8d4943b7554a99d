import type { UIMessage, UIMessageChunk } from "ai";
import { AIChatAgent, type OnChatMessageOptions } from "../index";
import { answers, Script } from "./script";

/** Answers as the test's `answers` say; a question that begins with "script" is answered by the test, piece by piece. */
export class Talker extends AIChatAgent {
  readonly asked: { requestId?: string; body?: unknown; texts: string[] }[] = [];
  override async onChatMessage(_onFinish: unknown, options?: OnChatMessageOptions) {
    this.asked.push({ requestId: options?.requestId, body: options?.body, texts: this.messages.map(textOf) });
    const question = this.messages.findLast(({ role }) => role === "user");
    if (question && textOf(question).startsWith("script")) return this.#begin(textOf(question), options?.abortSignal);
    const answer = answers.get(question ? textOf(question) : "");
    if (!answer) throw new Error(`No answer prepared for "${question ? textOf(question) : ""}"`);
    return answer();
  }
  readonly #scripts: Script[] = [];
  #waiting: (() => void) | undefined;
  #begin(question: string, signal: AbortSignal | undefined): Response {
    const script = new Script(question.includes("plain") ? "text/plain" : undefined);
    if (!question.includes("deaf")) signal?.addEventListener("abort", () => script.isCancelled || script.end());
    this.#scripts.push(script);
    this.#waiting?.();
    return script.response;
  }
  async #script(): Promise<Script> {
    if (this.#scripts.length === 0) await new Promise<void>((resolve) => (this.#waiting = resolve));
    return this.#scripts.at(-1)!;
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
  async isCancelled() {
    return (await this.#script()).isCancelled;
  }
  history() {
    return this.messages as unknown[];
  }
  questions() {
    return this.asked;
  }
}

const textOf = (message: UIMessage): string => message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");

export default {
  fetch: () => new Response("not found", { status: 404 })
};
