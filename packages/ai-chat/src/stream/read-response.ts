import type { UIMessageChunk } from "ai";
import { createParser } from "eventsource-parser";

/** A chunk and the JSON text that it came as. */
export interface ReadChunk {
  chunk: UIMessageChunk;
  text: string;
}

/**
 * Reads what `onChatMessage` returned as chunks of a UI message: an event stream as it is, any other body as one text part.
 * The bytes may be cut anywhere.
 *
 * @param textId id of the text part of a plain body
 * @param signal ends the reading, and cancels the body
 */
export async function* readResponse(
  response: Response,
  textId: string,
  signal: AbortSignal
): AsyncGenerator<ReadChunk> {
  if (!response.body) return;
  const isEvents = response.headers.get("Content-Type")?.includes("text/event-stream") ?? false;
  const pieces = readText(response.body, signal);
  for await (const read of isEvents ? readEvents(pieces) : readPlain(pieces, textId)) {
    if (signal.aborted) return;
    yield read;
  }
}

async function* readText(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const aborted = new Promise<{ done: true; value: undefined }>((resolve) => {
    const stop = () => resolve({ done: true, value: undefined });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), aborted]);
      if (done) break;
      const text = decoder.decode(value, { stream: true });
      if (text !== "") yield text;
    }
    ended = !signal.aborted;
    const rest = decoder.decode();
    if (rest !== "" && ended) yield rest;
  } finally {
    // The source may be a model that goes on talking. Nobody waits for it to notice.
    if (!ended) reader.cancel(signal.reason).catch(() => undefined);
  }
}

async function* readEvents(pieces: AsyncIterable<string>): AsyncGenerator<ReadChunk> {
  let ready: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => void ready.push(data) });
  for await (const piece of pieces) {
    parser.feed(piece);
    const events = ready;
    ready = [];
    yield* parseEvents(events);
  }
  // A stream may end without the blank line that closes its last event.
  parser.feed("\n\n");
  yield* parseEvents(ready);
}

function* parseEvents(events: readonly string[]): Generator<ReadChunk> {
  for (const text of events) {
    if (text === "[DONE]") continue;
    const chunk = parseChunk(text);
    // Stored chunks are one line each.
    if (chunk) yield { chunk, text: text.includes("\n") ? JSON.stringify(chunk) : text };
  }
}

/** Reads the JSON text of a chunk; `undefined` if it is none. */
export function parseChunk(text: string): UIMessageChunk | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isChunk = typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
    // Which fields a chunk has is the AI SDK's matter; the builder ignores what it does not know.
    return isChunk ? (value as UIMessageChunk) : undefined;
  } catch {
    return undefined;
  }
}

async function* readPlain(pieces: AsyncIterable<string>, id: string): AsyncGenerator<ReadChunk> {
  yield withText({ type: "text-start", id });
  for await (const delta of pieces) yield withText({ type: "text-delta", id, delta });
  yield withText({ type: "text-end", id });
}

export const withText = (chunk: UIMessageChunk): ReadChunk => ({ chunk, text: JSON.stringify(chunk) });
