import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { describe, expect, it, vi } from "vitest";
import { errorOf } from "../../test/kit";
import { call } from "../../test/mcp-kit";
import { destroyedMessage } from "../../protocol/errors";
import { EventStream } from "../http/event-stream";
import { Relay, say, sayAndListen } from "./relay";
import { closeCodes, type Command, type McpStub, type Outcome } from "./wire";

const reset = () => Object.assign(new Error("reset"), { durableObjectReset: true });
const post = (message: JSONRPCMessage): Command => ({
  type: "post",
  session: "s",
  messages: [message],
  isBatch: false
});
const answer: JSONRPCMessage = { jsonrpc: "2.0", id: 1, result: {} };

/** An object that answers commands with these, one after the other; an error is thrown. */
function object(outcomes: (Outcome | Error)[], upgrade: () => Promise<Response> = async () => new Response()) {
  const heard: string[] = [];
  const stub: McpStub = {
    async __mcp({ type }) {
      heard.push(type);
      const outcome = outcomes.shift() ?? new Error("nothing more");
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    fetch: upgrade
  };
  return { heard, stub, reach: async () => stub };
}

describe("what is said to an object that is reset", () => {
  it("is said again, if it does no harm", async () => {
    const { reach, heard } = object([reset(), { type: "accepted" }]);
    expect(await say(reach, post(answer))).toEqual({ type: "accepted" });
    expect(heard).toEqual(["post", "post"]);
  });

  it("is not, if it may have begun already, or something else went wrong", async () => {
    const requests = object([reset()]);
    expect((await errorOf(() => say(requests.reach, post(call(1, "x"))))).message).toBe("reset");
    const broken = object([new Error("broken")]);
    expect((await errorOf(() => say(broken.reach, post(answer)))).message).toBe("broken");
    expect([requests.heard.length, broken.heard.length]).toEqual([1, 1]);
  });

  it("has no session any more, if it was destroyed", async () => {
    const { reach } = object([Object.assign(new Error(destroyedMessage), { durableObjectReset: true })]);
    expect(await say(reach, post(answer))).toEqual({ type: "unknown-session" });
  });

  it("is heard, although its socket could not be opened", async () => {
    const stream: Outcome = { type: "stream", stream: 1, version: undefined };
    const { stub } = object([stream], async () => Promise.reject(reset()));
    const command = { ...post(answer), ticket: "t" } as Command & { ticket: string };
    expect(await sayAndListen(stub, command)).toEqual({ outcome: stream, socket: undefined });
  });
});

describe("a stream whose line to the object breaks", () => {
  const again = (after: string) => ({ type: "listen", session: "s", ticket: "t", after }) as const;
  const stream: Outcome = { type: "stream", stream: 1, version: undefined };

  it("is asked for again, after what has come, until it is over", async () => {
    const lines: WebSocket[] = [];
    const asked: string[] = [];
    const { reach } = object([new Error("down"), stream], async () => {
      const { 0: client, 1: server } = new WebSocketPair();
      server.accept();
      lines.push(server);
      return new Response(null, { status: 101, webSocket: client });
    });
    const events = new EventStream();
    const text = events.toResponse().text();
    const wait = vi.fn(async () => {});
    const relay = new Relay(events, 1, {
      reach,
      again: (after) => (asked.push(after), again(after)),
      withIds: true,
      wait
    });
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    relay.carry(client);
    server.send("1-5\none");
    server.close(1011, "");
    // One for each time that it was asked.
    await vi.waitFor(() => expect(lines.length).toBe(2));
    lines[1]!.send("1-6\ntwo");
    lines[1]!.close(closeCodes.done, "");
    expect(await text).toBe("event: message\nid: 1-5\ndata: one\n\nevent: message\nid: 1-6\ndata: two\n\n");
    expect([asked, wait.mock.calls.length]).toEqual([["1-5", "1-5"], 1]);
  });

  it("is closed when it stays broken, or there is nothing to carry any more", async () => {
    for (const [outcomes, times] of [
      [[], 5],
      [[{ type: "unknown-session" }], 1]
    ] as [Outcome[], number][]) {
      const events = new EventStream();
      const text = events.toResponse().text();
      const { reach, heard } = object(outcomes);
      new Relay(events, 1, { reach, again, withIds: true, wait: async () => {} }).carry(undefined);
      expect(await text).toBe("");
      expect(heard.length).toBe(times);
    }
  });
});
