// What the "model" of chat.ts says: a UI message stream that costs as little as possible, the same for every implementation.

const encoder = new TextEncoder();
const line = (chunk: object | string) =>
  encoder.encode(`data: ${typeof chunk === "string" ? chunk : JSON.stringify(chunk)}\n\n`);

const id = "t1";
const first = [line({ type: "start" }), line({ type: "text-start", id })];
const last = [line({ type: "text-end", id }), line({ type: "finish" }), line("[DONE]")];
const word = (index: number) => line({ type: "text-delta", id, delta: `word${index} ` });

/**
 * An answer of so many words, each of which is a piece of the stream: `"burst 2000"` has them all at once, `"turns 500"` one in a
 * turn of the event loop, as they come from a network.
 */
export function answerTo(question: string): Response {
  const [mode, count] = question.split(" ");
  const words = Number(count);
  const pieces = first.length + words + last.length;
  const pieceAt = (index: number) => first[index] ?? last[index - first.length - words] ?? word(index - first.length);
  let index = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (mode === "turns") await new Promise((resolve) => setTimeout(resolve, 0));
      controller.enqueue(pieceAt(index++));
      if (index === pieces) controller.close();
    }
  });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}
