import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Board } from "../test/extended-agents";
import { connect, connectExtended, evict } from "../test/kit";
import type { Operation } from "./capability";

let names = 0;
async function open(extended: boolean, query = "_pk=a") {
  const stub = env.Board.get(env.Board.idFromName(`authorize-${names++}`));
  await runInDurableObject(stub, (agent) => agent.setState({ n: 1 }));
  const connection = extended ? await connectExtended(stub, query) : await connect(stub, query);
  await connection.settled();
  const inside = <Result>(run: (agent: Board) => Result) => runInDurableObject(stub, run);
  /** Operations that were asked for; the barriers of the test are calls of a method without a name. */
  const asked = () =>
    inside(({ asked }) => asked.filter((operation) => operation.type !== "call" || operation.method !== ""));
  const refuse = (type: Operation["type"], how: () => unknown = () => false) =>
    inside(({ refused }) => void refused.set(type, how));
  return { stub, connection, inside, asked, refuse };
}

const write = { type: "cf_agent_state", state: { n: 2 }, writeId: "w" };
const put = { type: "rpc", id: "1", method: "put", args: [{ n: 2 }] };
const mayNotCall = { type: "rpc", id: "1", success: false, error: "This connection may not call put" };

describe("[C23] a frame that asks for something", () => {
  it.each([
    [
      "a write of a documented client",
      false,
      write,
      { type: "state-write" },
      { type: "cf_agent_state_error", error: "State update rejected" }
    ],
    [
      "a write",
      true,
      write,
      { type: "state-write" },
      {
        type: "cf_agent_state_reject",
        writeId: "w",
        code: "STATE_REFUSED",
        message: "State update rejected",
        epoch: expect.any(String),
        revision: 1,
        state: { n: 1 }
      }
    ],
    ["a call of a documented client", false, put, { type: "call", method: "put" }, mayNotCall],
    ["a call", true, put, { type: "call", method: "put" }, { ...mayNotCall, code: "CALL_REFUSED" }]
  ] as const)(
    "(%s) is asked for once, refused in the words of its protocol, and then allowed",
    async (_name, extended, frame, operation, answer) => {
      const { connection, inside, asked, refuse } = await open(extended);
      await refuse(operation.type);
      // The barrier is a call, too.
      connection.send(frame);
      expect(await connection.nextFrame()).toEqual(answer);
      expect([await asked(), await inside(({ state }) => state)]).toEqual([[operation], { n: 1 }]);
      await inside(({ refused }) => refused.clear());
      connection.send(frame);
      await connection.settled();
      expect([await asked(), await inside(({ state }) => state)]).toEqual([[operation, operation], { n: 2 }]);
    }
  );

  it.each([
    ["a ping", { type: "cf_agent_ping", extra: 1 }],
    ["a request for the state", { type: "cf_agent_state_pull" }],
    ["a cancellation", { type: "cf_agent_rpc_cancel", id: "1" }],
    ["credit", { type: "cf_agent_rpc_credit", id: "1", credit: 1 }],
    ["a message of the program", { type: "other" }],
    ["a malformed frame", { type: "cf_agent_state" }],
    ["a malformed call", { type: "rpc", id: "1" }]
  ])("is none of these: %s", async (_name, frame) => {
    const { connection, asked } = await open(true);
    connection.send(frame);
    await connection.settled();
    expect(await asked()).toEqual([]);
  });

  it("is refused with an event that names it", async () => {
    const { connection, inside, refuse } = await open(true);
    const events: unknown[] = [];
    await inside(
      (agent) => void (agent.observability = { emit: ({ type, payload }) => void events.push([type, payload]) })
    );
    await refuse("state-write");
    connection.send(write);
    await connection.settled();
    expect(events).toContainEqual(["frame:refused", { connectionId: "a", frame: "cf_agent_state" }]);
  });

  it.each<[string, () => unknown]>([
    ["undefined", () => undefined],
    ["a promise of true", () => Promise.resolve(true)],
    ["an object", () => ({ allowed: true })],
    ["1", () => 1]
  ])("is refused by a rule that answers %s", async (_name, answer) => {
    const { connection, inside, refuse } = await open(true);
    await refuse("state-write", answer);
    connection.send(write);
    expect([await connection.nextFrame(), await inside(({ state }) => state)]).toMatchObject([
      { code: "STATE_REFUSED" },
      { n: 1 }
    ]);
  });

  it("is refused by a rule that throws, and the error goes to onError", async () => {
    const { connection, inside, refuse } = await open(true);
    await refuse("call", () => {
      throw new Error("broken rule");
    });
    connection.send(put);
    expect(await connection.nextFrame()).toMatchObject({ code: "CALL_REFUSED" });
    expect(await inside(({ errors, state }) => [errors, state])).toEqual([["Error: broken rule"], { n: 1 }]);
  });
});

describe("[C23] a read-only connection", () => {
  it("calls and watches, and writes in no way, though the program's own rule allows it, also after an eviction", async () => {
    const { stub, connection, inside } = await open(true, "_pk=a&readonly");
    for (const evicted of [false, true]) {
      if (evicted) await evict(stub);
      connection.send(write);
      expect(await connection.nextFrame()).toMatchObject({
        type: "cf_agent_state_reject",
        code: "CONNECTION_READONLY"
      });
      expect(await connection.call("ping")).toMatchObject({ result: "pong" });
      expect(await connection.call("put", { n: 2 })).toMatchObject({ code: "CONNECTION_READONLY" });
      expect(await inside(({ state }) => state)).toEqual({ n: 1 });
    }
  });
});
