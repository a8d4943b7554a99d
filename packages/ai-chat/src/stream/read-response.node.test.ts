import { expect, it } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../../agents/src/test/random";
import { readResponse } from "./read-response";

const events = { headers: { "Content-Type": "text/event-stream; charset=utf-8" } };
const encode = (text: string) => new TextEncoder().encode(text);

function response(pieces: readonly Uint8Array[], init: ResponseInit = events): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    }
  });
  return new Response(body, init);
}

async function read(from: Response, signal = new AbortController().signal): Promise<string[]> {
  const texts: string[] = [];
  for await (const { chunk, text } of readResponse(from, "r1", signal)) {
    expect(JSON.parse(text)).toEqual(chunk);
    texts.push(text);
  }
  return texts;
}

const start = '{"type":"start"}';
const delta = (text: string) => `{"type":"text-delta","id":"t","delta":${JSON.stringify(text)}}`;

/** The text of an event stream, and the chunks in it. */
const golden: Record<string, [text: string, chunks: string[]]> = {
  "as the AI SDK writes it": [`data: ${start}\n\ndata: ${delta("hi")}\n\ndata: [DONE]\n\n`, [start, delta("hi")]],
  "characters of two, three and four bytes": [
    `data: ${delta("é € 🎈")}\n\ndata: ${delta("日本")}\n\n`,
    [delta("é € 🎈"), delta("日本")]
  ],
  "lines that end in CRLF": [`data: ${start}\r\n\r\ndata: ${delta("hi")}\r\n\r\n`, [start, delta("hi")]],
  "lines that end in CR": [`data: ${start}\r\rdata: ${delta("hi")}\r\r`, [start, delta("hi")]],
  "comments, and fields that we do not use": [
    `: keep-alive\n\nid: 7\nevent: chunk\nretry: 10\ndata: ${start}\n\n:\n\n`,
    [start]
  ],
  "no space after the colon": [`data:${start}\n\n`, [start]],
  "no blank line at the end": [`data: ${start}\n\ndata: ${delta("last")}`, [start, delta("last")]],
  "one line end at the end": [`data: ${start}\n\ndata: ${delta("last")}\n`, [start, delta("last")]],
  "data in several lines": [`data: {"type":\ndata: "start"}\n\n`, [start]],
  "what is no chunk is left out": [
    `data: nonsense\n\ndata: 1\n\ndata: {"no":"type"}\n\ndata: ${start}\n\ndata:\n\n`,
    [start]
  ],
  "a byte order mark": [`\uFEFFdata: ${start}\n\n`, [start]]
};

it.each(Object.entries(golden))("reads events wherever they are cut: %s", async (_, [text, chunks]) => {
  const bytes = encode(text);
  for (let at = 0; at <= bytes.length; at++) {
    expect(await read(response([bytes.subarray(0, at), bytes.subarray(at)])), `cut at ${at}`).toEqual(chunks);
  }
  expect(await read(response(Array.from(bytes, (byte) => Uint8Array.of(byte))))).toEqual(chunks);
});

/** Pieces of 0 to 12 bytes. */
function cutAnywhere(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + random.below(13);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}

it(
  `reads events however often they are cut, whatever ends their lines (${fuzzSeeds} seeds)`,
  async () => {
    await eachSeed(async (random) => {
      const lineEnd = random.pick(["\n", "\r\n", "\r"]);
      const chunks = Array.from({ length: 1 + random.below(8) }, () =>
        delta(
          Array.from({ length: random.below(9) }, () =>
            random.pick(["a", "é", "€", "🎈", "\n", "\r\n", "data: "])
          ).join("")
        )
      );
      const lines = chunks.flatMap((chunk) => [
        ...(random.chance(0.3) ? [random.pick([": comment", "id: 7", "event: é", ""])] : []),
        `data:${random.pick(["", " "])}${chunk}`,
        ""
      ]);
      const bytes = encode([...lines, "data: [DONE]", "", ""].join(lineEnd));
      expect(await read(response(cutAnywhere(bytes, random)))).toEqual(chunks);
    });
  },
  fuzzTimeoutMs(10_000)
);

it("reads any other body as one text, wherever it is cut", async () => {
  const bytes = encode("é € 🎈 data: {}\n\n");
  for (let at = 0; at <= bytes.length; at++) {
    const texts = await read(
      response([bytes.subarray(0, at), bytes.subarray(at)], { headers: { "Content-Type": "text/plain" } })
    );
    const chunks = texts.map((text) => JSON.parse(text) as { type: string; id: string; delta?: string });
    expect(chunks.map(({ type, id }) => `${type} ${id}`)).toEqual([
      "text-start r1",
      ...chunks.slice(1, -1).map(() => "text-delta r1"),
      "text-end r1"
    ]);
    expect(chunks.map((chunk) => chunk.delta ?? "").join("")).toBe("é € 🎈 data: {}\n\n");
  }
});

it("shows an incomplete character at the end of a text as such", async () => {
  const texts = await read(response([encode("ok"), Uint8Array.of(0xf0, 0x9f)], {}));
  expect(texts.join("")).toContain("\uFFFD");
});

it("reads nothing from a response without a body", async () => {
  expect(await read(new Response(null, events))).toEqual([]);
  expect(await read(new Response(null))).toEqual([]);
});

it("hands on the error of a source that dies, after what came before it", async () => {
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encode(`data: ${start}\n\n`)),
    pull: (controller) => controller.error(new Error("upstream is gone"))
  });
  const texts: string[] = [];
  const reading = (async () => {
    for await (const { text } of readResponse(new Response(source, events), "r1", new AbortController().signal))
      texts.push(text);
  })();
  await expect(reading).rejects.toThrow("upstream is gone");
  expect(texts).toEqual([start]);
});

it("cancels the source when it is aborted, although the source says nothing", async () => {
  const abort = new AbortController();
  let cancelled: unknown;
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encode(`data: ${start}\n\ndata: ${delta("half`")}`)),
    cancel: (reason) => void (cancelled = reason)
  });
  const texts: string[] = [];
  for await (const { text } of readResponse(new Response(source, events), "r1", abort.signal)) {
    texts.push(text);
    abort.abort("stopped");
  }
  expect(texts).toEqual([start]);
  expect(cancelled).toBe("stopped");
});

it("cancels the source when its reader goes away", async () => {
  let isCancelled = false;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(encode(`data: ${start}\n\n`)),
    cancel: () => void (isCancelled = true)
  });
  for await (const _ of readResponse(new Response(source, events), "r1", new AbortController().signal)) break;
  expect(isCancelled).toBe(true);
});

it("reads nothing when it was aborted before", async () => {
  let isCancelled = false;
  const source = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) });
  expect(await read(new Response(source, events), AbortSignal.abort())).toEqual([]);
  expect(isCancelled).toBe(true);
});
