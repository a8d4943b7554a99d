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
  const parser = isEvents ? eventParser() : plainParser(textId);
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let stop: ((bytes: undefined) => void) | undefined;
  signal.addEventListener("abort", () => stop?.(undefined), { once: true });
  // Not a race with one promise for all reads: that would remember each of them until the end.
  const read = () =>
    new Promise<Uint8Array | undefined>((resolve, reject) => {
      stop = resolve;
      if (signal.aborted) return resolve(undefined);
      reader.read().then(({ value }) => resolve(value), reject);
    });
  let ended = false;
  try {
    if (signal.aborted) return;
    yield* parser.begin;
    for (let bytes = await read(); bytes; bytes = await read()) {
      for (const chunk of parser.feed(decoder.decode(bytes, { stream: true }))) {
        if (signal.aborted) return;
        yield chunk;
      }
    }
    ended = !signal.aborted;
    if (ended) yield* parser.end(decoder.decode());
  } finally {
    // The source may be a model that goes on talking. Nobody waits for it to notice.
    if (!ended) reader.cancel(signal.reason).catch(() => undefined);
  }
}

/** Makes chunks of text that comes in pieces. */
interface Parser {
  begin: ReadChunk[];
  feed(text: string): ReadChunk[];
  /** @param text the last piece */
  end(text: string): ReadChunk[];
}

function eventParser(): Parser {
  let ready: ReadChunk[] = [];
  const parser = createParser({
    onEvent({ data }) {
      const chunk = data === "[DONE]" ? undefined : parseChunk(data);
      // Stored chunks are one line each.
      if (chunk) ready.push({ chunk, text: data.includes("\n") ? JSON.stringify(chunk) : data });
    }
  });
  const feed = (text: string) => {
    ready = [];
    parser.feed(text);
    return ready;
  };
  // A stream may end without the blank line that closes its last event.
  return { begin: [], feed, end: (text) => feed(`${text}\n\n`) };
}

function plainParser(id: string): Parser {
  const feed = (delta: string) => (delta === "" ? [] : [withText({ type: "text-delta", id, delta })]);
  return {
    begin: [withText({ type: "text-start", id })],
    feed,
    end: (text) => [...feed(text), withText({ type: "text-end", id })]
  };
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

export const withText = (chunk: UIMessageChunk): ReadChunk => ({ chunk, text: JSON.stringify(chunk) });
