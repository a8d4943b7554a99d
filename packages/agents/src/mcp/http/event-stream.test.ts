import { expect, it, vi } from "vitest";
import { errorOf } from "../../test/kit";
import { EventStream, keepAliveMs } from "./event-stream";

function open() {
  const onClose = vi.fn();
  let beat: { delayMs: number; run: () => void } | undefined;
  const stream = new EventStream({
    onClose,
    every: (delayMs, run) => {
      beat = { delayMs, run };
      return () => (beat = undefined);
    }
  });
  return { stream, onClose, beat: () => beat };
}

it("events arrive as they were sent, and then the end", async () => {
  const { stream, onClose, beat } = open();
  const response = stream.toResponse({ "mcp-session-id": "s" });
  stream.prime("0", 500);
  stream.send({ id: "1", event: "message", data: '{"n":1}' });
  stream.send({ data: "two\nlines\r\nand three" });
  expect([stream.isOpen, beat()?.delayMs]).toEqual([true, keepAliveMs]);
  beat()!.run();
  stream.close();
  stream.close();
  expect(await response.text()).toBe(
    'id: 0\nretry: 500\ndata: \n\nevent: message\nid: 1\ndata: {"n":1}\n\ndata: two\ndata: lines\ndata: and three\n\n: keep-alive\n\n'
  );
  expect([stream.isOpen, stream.send({ data: "late" }), beat(), onClose.mock.calls]).toEqual([
    false,
    false,
    undefined,
    [[]]
  ]);
  const { headers } = response;
  expect(["Content-Type", "Cache-Control", "mcp-session-id"].map((name) => headers.get(name))).toEqual([
    "text/event-stream",
    "no-cache, no-transform",
    "s"
  ]);
});

it("a reader that goes closes the stream", async () => {
  const { stream, onClose, beat } = open();
  await stream.toResponse().body!.cancel();
  expect([stream.isOpen, beat(), onClose.mock.calls.length]).toEqual([false, undefined, 1]);
  stream.close();
  expect(onClose).toHaveBeenCalledTimes(1);
});

it("a reader that does not read is given up", async () => {
  const { stream, onClose } = open();
  const body = stream.toResponse().body!;
  const data = "x".repeat(1024 * 1024);
  let sent = 0;
  while (stream.send({ data })) sent++;
  expect([sent, stream.isOpen, onClose.mock.calls.length]).toEqual([16, false, 1]);
  expect((await errorOf(() => body.getReader().read())).message).toBe("The client does not read what it is sent");
});

it("without a clock of its own it beats by that of the platform, every 25 s", async () => {
  vi.useFakeTimers();
  try {
    const stream = new EventStream();
    const reader = stream.toResponse().body!.getReader();
    await vi.advanceTimersByTimeAsync(24_999);
    stream.comment("before");
    await vi.advanceTimersByTimeAsync(1);
    const texts = [await reader.read(), await reader.read()].map(({ value }) => new TextDecoder().decode(value));
    expect(texts).toEqual([": before\n\n", ": keep-alive\n\n"]);
    stream.close();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
