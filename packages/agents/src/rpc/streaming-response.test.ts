import { describe, expect, it } from "vitest";
import type { Connection } from "../core/connection";
import { SqlError } from "../core/sql";
import { logged } from "../test/kit";
import { Call } from "./call";
import { StreamingResponse } from "./streaming-response";

function build() {
  const frames: string[] = [];
  const call = new Call(
    { id: "7", method: "stream" },
    false,
    {} as Connection,
    (_, frame) => void frames.push(JSON.stringify(frame))
  );
  return { stream: new StreamingResponse(call), frames };
}
const chunk = (result: unknown) => JSON.stringify({ type: "rpc", id: "7", success: true, result, done: false });
const end = '{"type":"rpc","id":"7","success":true,"done":true}';

describe("[M3] a stream", () => {
  // proves client-sdk#stream-write, callable-methods#StreamingResponse-send, callable-methods#StreamingResponse-end
  it("sends values, then ends, with or without a last one", () => {
    const [plain, last] = [build(), build()];
    void plain.stream.send(1);
    void plain.stream.write([2]);
    plain.stream.end();
    last.stream.end("fin");
    expect(plain.frames).toEqual([chunk(1), chunk([2]), end]);
    expect(last.frames).toEqual(['{"type":"rpc","id":"7","success":true,"result":"fin","done":true}']);
  });

  it("tells whether the next value may be sent", async () => {
    const { stream } = build();
    expect([await stream.send(1), await stream.write(2), stream.isClosed]).toEqual([true, true, false]);
    stream.end();
    expect([await stream.send(3), await stream.write(4), stream.isClosed]).toEqual([false, false, true]);
  });

  // proves callable-methods#stream-error-closes
  it.each<[string, (stream: StreamingResponse) => void]>([
    ["end", (stream) => stream.end()],
    ["error", (stream) => stream.error("broken")]
  ])("drops whatever comes after %s", (_name, close) => {
    const { stream, frames } = build();
    close(stream);
    const sent = frames.length;
    void stream.send(1);
    stream.end("late");
    stream.error("late");
    expect([sent, frames.length]).toEqual([1, 1]);
  });

  // proves callable-methods#StreamingResponse-error
  it("can end with an error", () => {
    const { stream, frames } = build();
    stream.error("broken");
    expect(frames).toEqual(['{"type":"rpc","id":"7","success":false,"error":"broken"}']);
  });

  it("can end with an error that was caught, of which the caller reads what it may", async () => {
    const [plain, query] = [build(), build()];
    plain.stream.error(new Error("broken"));
    await logged(() => query.stream.error(new SqlError("SELECT secret", new Error("no such table"))));
    expect(plain.frames).toEqual(['{"type":"rpc","id":"7","success":false,"error":"broken"}']);
    expect(query.frames).toEqual([expect.stringMatching(/"error":"Internal error \(reference [\da-f-]+\)"}$/)]);
  });

  it.each<[string, (stream: StreamingResponse) => unknown]>([
    ["value", (stream) => stream.send(1n)],
    ["last value", (stream) => stream.end(1n)]
  ])("throws at once for a %s that is no JSON, and is still open for an error", (_name, send) => {
    const { stream, frames } = build();
    expect(() => send(stream)).toThrow("BigInt");
    stream.error("told");
    expect(frames).toEqual(['{"type":"rpc","id":"7","success":false,"error":"told"}']);
  });
});
