import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { getAgentByName } from "../index";
import { connect } from "../test/kit";

const open = async (name: string) => {
  const stub = await getAgentByName(env.CounterAgent, `callable-${name}`);
  return { stub, connection: await connect(stub) };
};

describe("a method", () => {
  // proves callable-methods#when-worker, callable-methods#not-for-stubs, client-sdk#callable-for-clients
  // proves routing#getAgentByName-rpc, add-to-existing-project#server-code
  it("without @callable is called by a stub, and by no client", async () => {
    const { stub, connection } = await open("internal");
    expect(await stub.internalMethod()).toBe("internal");
    expect(await connection.call("internalMethod")).toMatchObject({
      success: false,
      error: "Method internalMethod is not callable"
    });
  });

  // proves callable-methods#callable, callable-methods#when-clients, callable-methods#sync, callable-methods#async
  // proves callable-methods#json-objects, callable-methods#json-arrays
  it.each<[string, unknown[], unknown]>([
    ["increment", [], 1],
    ["addItem", ["new item"], ["new item"]],
    ["getStats", [], { count: 0, itemCount: 0 }],
    ["processItems", [["a", "bcd"]], [1, 3]]
  ])("%s, synchronous or not, answers a client with JSON", async (method, args, result) => {
    const { connection } = await open(method);
    expect(await connection.call(method, ...args)).toMatchObject({ success: true, result });
  });

  // proves callable-methods#not-json
  it("that returns what JSON has no form for answers with what is left of it", async () => {
    const { connection } = await open("not-json");
    const { result } = await connection.call("notJson");
    expect(result).toEqual({ date: "1970-01-01T00:00:00.000Z", map: {}, kept: true });
  });

  // proves callable-methods#void
  it("that returns nothing is answered when it has done its work", async () => {
    const { stub, connection } = await open("void");
    expect(await connection.call("logEvent", "user-clicked")).toEqual({
      type: "rpc",
      id: "call-0",
      success: true,
      done: true
    });
    expect(await (await stub.fetch("http://test/?id=1")).json()).toEqual({ name: "user-clicked" });
  });

  // proves callable-methods#StreamingResponse, callable-methods#stream-error, callable-methods#stream-error-closes
  it.each([
    [
      ["a", "b"],
      [
        { progress: 0.5, item: "a" },
        { progress: 1, item: "b" }
      ],
      { result: { completed: true, total: 2 } }
    ],
    [["a", "bad", "b"], [{ progress: 1 / 3, item: "a" }], { success: false, error: "Failed to process bad" }]
  ])("that streams (%j) sends what it has, then its end or its error", async (items, chunks, last) => {
    const { connection } = await open("stream");
    await connection.settled();
    connection.send({ type: "rpc", id: "1", method: "processWithProgress", args: [items] });
    const frames = (await connection.settled()) as { result: unknown }[];
    expect(frames.slice(0, -1).map(({ result }) => result)).toEqual(chunks);
    expect(frames.at(-1)).toMatchObject(last);
  });
});
