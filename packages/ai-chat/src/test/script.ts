import type { UIMessageChunk } from "ai";
import type { AIChatAgent, OnChatMessageOptions } from "../index";

/** An answer that is written piece by piece while the agent streams it. It has to be made inside the agent that returns it. */
export class Script {
  readonly response: Response;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Nobody reads any more. */
  isCancelled = false;
  /** Nothing more can be said. */
  isOver = false;

  constructor(type = "text/event-stream") {
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => void (this.isCancelled = this.isOver = true)
    });
    this.response = new Response(stream, { headers: { "Content-Type": type } });
  }

  /** Sends bytes or text as they are. */
  raw(data: string | Uint8Array): void {
    this.#controller.enqueue(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  chunk(...chunks: UIMessageChunk[]): void {
    for (const chunk of chunks) this.raw(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  end(): void {
    this.isOver = true;
    this.#controller.close();
  }

  fail(message: string): void {
    this.isOver = true;
    this.#controller.error(new Error(message));
  }
}

/** What the agents of these tests answer, by the text of the last user message. */
export const answers = new Map<
  string,
  (agent: AIChatAgent, options: OnChatMessageOptions) => Answer | Promise<Answer>
>();
type Answer = Response | undefined;

/** A complete answer with these deltas. */
export function textAnswer(...deltas: string[]): Response {
  const script = new Script();
  script.chunk({ type: "start" }, { type: "text-start", id: "t" });
  for (const delta of deltas) script.chunk({ type: "text-delta", id: "t", delta });
  script.chunk({ type: "text-end", id: "t" }, { type: "finish", finishReason: "stop" });
  script.end();
  return script.response;
}
