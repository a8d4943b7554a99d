import {
  convertToModelMessages,
  modelMessageSchema,
  parseJsonEventStream,
  readUIMessageStream,
  uiMessageChunkSchema,
  type ModelMessage,
  type UIMessage,
  type UIMessageChunk
} from "ai";
import { describe, expect, it } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs } from "../../../agents/src/test/random";
import { cutBack } from "../messages/cut-back";
import { MessageBuilder } from "../messages/message-builder";
import { closeOpenCalls, settleCut } from "../messages/settle";
import { readResponse } from "../stream/read-response";
import { aiSdk } from "../test/ai-sdk";
import { answer, asWhole, bytesOf, inPieces, providers, storedStreams, type Serve } from "./providers.node";
import { golden, type Golden } from "./table.node";

const question: ModelMessage[] = [{ role: "user", content: "Well?" }];
const empty = (): UIMessage => ({ id: "m", role: "assistant", parts: [] });
const eventStream = { headers: { "Content-Type": "text/event-stream" } };
/** Ids that the AI SDK makes up: of texts, and of sources that have none. */
const withoutNewIds = (message: UIMessage) =>
  JSON.stringify(message).replaceAll(/"aitxt-\w+"|(?<="sourceId":)"\w{16}"/g, '"new"');
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const notShown: ReadonlySet<string> = new Set(["step-start", "custom"]);

/** What the server makes of a body: the text of each chunk, and the message; with what it says when the stream dies. */
async function read(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const builder = new MessageBuilder(empty());
  let texts = "";
  let broken: string | undefined;
  try {
    for await (const { chunk, text } of readResponse(
      new Response(body, eventStream),
      "t",
      new AbortController().signal
    )) {
      builder.apply(chunk);
      texts += `${text}\n`;
      if (chunk.type === "error") broken = chunk.errorText;
    }
  } catch (error) {
    broken = String(error);
  }
  return { texts, builder, broken };
}

const built = async (body: ReadableStream<Uint8Array<ArrayBuffer>>) => (await read(body)).builder.message;

/** What is stored of it and, when the next question comes, sent to the model. */
function settled({ builder, broken }: Awaited<ReturnType<typeof read>>): UIMessage | undefined {
  if (builder.isEmpty) return undefined;
  const message = broken === undefined ? builder.message : settleCut(builder.message, broken);
  return json(closeOpenCalls(message)) as UIMessage;
}

/**
 * Model messages that every provider takes: each call has a result, and each result a call. A provider may tell the results of its
 * own tools later, unless its stream was cut.
 */
async function modelMessages(message: UIMessage, wasCut = false): Promise<ModelMessage[]> {
  const messages = await convertToModelMessages([message]);
  const calls = new Set<string>();
  const open = new Set<string>();
  for (const one of messages) {
    expect(modelMessageSchema.safeParse(json(one)).error).toBeUndefined();
    for (const part of typeof one.content === "string" ? [] : one.content) {
      if (part.type === "tool-call") {
        calls.add(part.toolCallId);
        if (wasCut || !part.providerExecuted) open.add(part.toolCallId);
      }
      if (part.type === "tool-result") {
        expect(calls).toContain(part.toolCallId);
        open.delete(part.toolCallId);
      }
    }
  }
  expect([...open]).toEqual([]);
  return messages;
}

const ask = (stream: Golden, serve: Serve) =>
  answer(providers[stream.provider]!, storedStreams(stream.provider, stream.name), serve, question, stream.withData);

async function whole(stream: Golden) {
  const { response, requests } = ask(stream, asWhole);
  return { bytes: new Uint8Array(await response.arrayBuffer()), requests };
}

/** What the AI SDK's own client makes of it. */
async function theirs(bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const parsed = parseJsonEventStream({ stream: inPieces(bytes, [0]), schema: uiMessageChunkSchema });
  const stream = parsed.pipeThrough(
    new TransformStream({
      transform(result, controller) {
        if (!result.success) throw result.error;
        controller.enqueue(result.value);
      }
    })
  );
  let message = empty();
  for await (const snapshot of readUIMessageStream({ message, stream, onError: () => undefined })) message = snapshot;
  const parts = message.parts.map((part) => {
    // Version 6 keeps an invalid input in `rawInput`, and reads both.
    const { rawInput, ...known } = part as Record<string, unknown>;
    return rawInput === undefined ? part : { ...known, input: rawInput };
  });
  return json({ ...message, id: "m", parts });
}

const streams = golden.filter(({ provider }) => provider in providers);
const titled = streams.map((stream): [string, Golden] => [
  `${stream.provider}, ${stream.name}${stream.withData ? " with data" : ""}`,
  stream
]);

describe.each(titled)("%s", (_, stream) => {
  // proves chat-agents#any-provider, using-ai-models#any-provider, agents-api#ai-models-providers
  it("becomes the message that the AI SDK builds of it, and the next request has it to the letter", async () => {
    const { bytes, requests } = await whole(stream);
    const message = await built(inPieces(bytes, [0]));
    expect(json(message)).toEqual(await theirs(bytes));
    const expected = (aiSdk === 6 && stream.partsOn6) || stream.parts;
    expect(message.parts.filter(({ type }) => !notShown.has(type))).toMatchObject(expected);
    expect(requests).toHaveLength(storedStreams(stream.provider, stream.name).length);

    const stored = settled(await read(inPieces(bytes, [0])))!;
    const messages = [...question, ...(await modelMessages(stored)), ...question];
    const next = answer(providers[stream.provider]!, [""], asWhole, messages);
    await next.response.text();
    const sent = JSON.stringify(JSON.parse(next.requests[0]!));
    for (const text of stream.sent ?? []) expect(sent).toContain(JSON.stringify(text));
  });

  it("is the same message when its bytes are cut in two, at any byte", async () => {
    const { bytes } = await whole(stream);
    const expected = await read(inPieces(bytes, [0]));
    const outcome = ({ texts, builder, broken }: typeof expected) => JSON.stringify([texts, builder.message, broken]);
    expect(expected.broken !== undefined).toBe(stream.fails === true);
    for (let at = 0; at <= bytes.length; at++) {
      const cut = await read(inPieces(bytes, [0, at]));
      if (outcome(cut) !== outcome(expected)) expect(outcome(cut), `cut at byte ${at}`).toBe(outcome(expected));
    }
  });

  it("is a valid message when the server's stream ends or fails after any byte", async () => {
    const { bytes } = await whole(stream);
    const known = new Set<string>();
    for (let at = 0; at <= bytes.length; at++) {
      const failure = at % 2 === 0 ? new Error("cut") : undefined;
      const end = await read(inPieces(bytes.subarray(0, at), [0], failure));
      const message = settled(end);
      if (!message || known.size === known.add(JSON.stringify(message)).size) continue;
      await modelMessages(message, failure !== undefined);
    }
    expect(known.size).toBeGreaterThan(2);
  });

  it("is a valid message when it is cut back after any chunk, to be taken up again", async () => {
    const { texts, builder } = await read(inPieces((await whole(stream)).bytes, [0]));
    const chunks = texts
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text) as UIMessageChunk);
    for (let count = 0; count <= chunks.length; count++) {
      const { message, isWhole } = cutBack(empty(), chunks.slice(0, count));
      // Where nothing has to be asked again, the next question ends what waits.
      if (message) await modelMessages(isWhole ? closeOpenCalls(message) : message, !isWhole);
    }
    const { message, isWhole } = cutBack(empty(), chunks);
    // What the model broke off is asked for again.
    expect(isWhole).toBe(stream.fails !== true);
    if (isWhole) expect(message).toEqual(builder.message);
  });

  it("is a valid message when the model's stream ends or fails within or after any event", async () => {
    const bodies = storedStreams(stream.provider, stream.name);
    let count = 0;
    for (const [broken, body] of bodies.entries()) {
      const bytes = bytesOf(body);
      const ends = [...body.matchAll(/\r?\n\r?\n/g)].map(({ index }) => bytesOf(body.slice(0, index)).length);
      for (const end of ends.flatMap((at) => [at - 3, at + 4])) {
        const failure = end % 2 === 0 ? new Error("cut") : undefined;
        const serve: Serve = (text, index) =>
          index === broken ? inPieces(bytes.subarray(0, end), [0], failure) : asWhole(text, index);
        const { response } = ask(stream, serve);
        const heard = await read(response.body!);
        const message = settled(heard);
        if (!message) continue;
        count++;
        await modelMessages(message, heard.broken !== undefined);
      }
    }
    expect(count).toBeGreaterThan(0);
  });
});

it(
  `is the same message however the model's bytes are cut (${fuzzSeeds} seeds)`,
  { timeout: fuzzTimeoutMs(20_000) },
  async () => {
    const expected = new Map<Golden, string>();
    for (const stream of streams) {
      const { bytes } = await whole(stream);
      expected.set(stream, withoutNewIds(await built(inPieces(bytes, [0]))));
    }
    await eachSeed(async (random) => {
      const stream = streams[random.seed % streams.length]!;
      const share = random.pick([1, 0.5, 0.1, 0.01]);
      const serve: Serve = (text) => {
        const bytes = bytesOf(text);
        const starts = [...bytes.keys()].filter((at) => at === 0 || random.chance(share));
        return inPieces(bytes, starts);
      };
      const { response } = ask(stream, serve);
      const bytes = new Uint8Array(await response.arrayBuffer());
      const starts = [...bytes.keys()].filter((at) => at === 0 || random.chance(share));
      const message = await built(inPieces(bytes, starts));
      expect(withoutNewIds(message)).toBe(expected.get(stream));
    });
  }
);
