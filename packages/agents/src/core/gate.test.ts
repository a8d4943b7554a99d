import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { getAgentByName } from "../index";
import { connect, errorOf, evict, makeDue } from "../test/kit";
import { createConnection } from "./connection";
import { currentContext, EntryContext, runInContext } from "./context";
import { departure, Gate, type Departure, type GateDeps } from "./gate";

const starter = (name: string) => env.Starter.get(env.Starter.idFromName(name));
const order = (stub: ReturnType<typeof starter>) => runInDurableObject(stub, (agent) => [...agent.order]);
const attempts = (stub: ReturnType<typeof starter>) => runInDurableObject(stub, (agent) => agent.attempts);

describe("[C1] a cold wake finds onStart finished", () => {
  // proves agent-class-internals#fetch, agent-class-internals#onStart
  it("through fetch", async () => {
    const response = await starter("fetch").fetch("http://test/");
    expect(await response.json()).toBe(true);
  });

  // proves agent-class-internals#rpc-cold
  it("through a method", async () => {
    expect(await starter("method").isReady()).toBe(true);
  });

  it("through a getter", async () => {
    expect(await starter("getter").readiness).toBe(true);
  });

  it("through an inherited method", async () => {
    const stub = starter("inherited");
    await stub.setState("set");
    expect(await order(stub)).toContain("state set true");
  });

  it("through a connection, then a message", async () => {
    const stub = starter("socket");
    const connection = await connect(stub);
    expect(await connection.next("cf_agent_identity")).toMatchObject({ name: "socket", agent: "starter" });
    await connection.next("cf_agent_mcp_servers");
    expect(await connection.nextFrame()).toBe("ready true");
    await evict(stub);
    connection.send("hello");
    expect(await connection.nextFrame()).toBe("ready true");
  });

  it("through the close of a connection", async () => {
    const stub = starter("close");
    const connection = await connect(stub);
    await evict(stub);
    connection.close(4000, "bye");
    await connection.closed;
    expect(await stub.history()).toContain("closed true");
  });

  it("through an error of a connection", async () => {
    const stub = starter("socket-error");
    await connect(stub);
    await evict(stub);
    await runInDurableObject(stub, (agent, context) =>
      agent.webSocketError(context.getWebSockets()[0]!, new Error("network"))
    );
    expect(await stub.history()).toContain("error true");
  });

  it("through the alarm", async () => {
    const stub = starter("alarm");
    await makeDue(stub, "chime");
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await order(stub)).toContain("rung true");
  });

  // proves agents-api#onStart-props, http-websockets-older#onStart
  it("through getAgentByName, which brings the props", async () => {
    const stub = await getAgentByName(env.Starter, "props", { props: { color: "green" } });
    expect(await order(stub)).toEqual([
      "constructing now",
      "constructed now",
      'props {"color":"green"}',
      "starting now",
      "started"
    ]);
  });
});

describe("the start", () => {
  it("[C2] runs once for entries that come together", async () => {
    const stub = starter("together");
    const results = await Promise.all([
      stub.isReady(),
      stub.readiness,
      stub.fetch("http://test/").then((response) => response.json()),
      stub.isReady()
    ]);
    expect(results).toEqual([true, true, true, true]);
    expect(await attempts(stub)).toBe(1);
  });

  it("[C3] fails with the error of onStart, is reported once, and is tried again by the next entry", async () => {
    const stub = starter("fails-once");
    expect((await errorOf(() => stub.isReady())).message).toBe("no start");
    expect(await runInDurableObject(stub, (agent) => [agent.attempts, agent.errors])).toEqual([1, ["Error: no start"]]);
    expect(await stub.isReady()).toBe(true);
    expect(await attempts(stub)).toBe(2);
  });

  it("keeps the props of a failed start for the next attempt", async () => {
    expect((await errorOf(() => getAgentByName(env.Starter, "fails-props", { props: { color: "red" } }))).message).toBe(
      "no start"
    );
    const stub = starter("fails-props");
    await stub.isReady();
    expect((await order(stub)).filter((step) => step.startsWith("props"))).toEqual([
      'props {"color":"red"}',
      'props {"color":"red"}'
    ]);
  });

  it("leaves synchronous methods synchronous in the constructor, in blockConcurrencyWhile and in onStart", async () => {
    expect(await starter("order").history()).toEqual([
      "constructing now",
      "constructed now",
      "starting now",
      "started"
    ]);
  });
});

describe("Gate", () => {
  const connection = createConnection(new WebSocketPair()[1], "a", null, { name: "" });
  const build = (deps: Partial<GateDeps>) => {
    const self = {};
    const failed = vi.fn<GateDeps["failed"]>();
    const gate = new Gate(self, { start: () => {}, failed, wait: () => new Promise(() => {}), ...deps });
    gate.constructed();
    return { self, gate, failed };
  };

  it("[C4] gives up on a start that takes longer than 30 s, and is open when the start is over at last", async () => {
    let finish = () => {};
    const start = () => new Promise<void>((resolve) => (finish = resolve));
    const waits: number[] = [];
    const { gate } = build({ start, wait: async (delayMs) => void waits.push(delayMs) });
    await expect(gate.enter(undefined, () => "in")).rejects.toMatchObject({ code: "AGENT_START_TIMEOUT" });
    finish();
    expect(await gate.enter(undefined, () => "in")).toBe("in");
    expect(waits[0]).toBe(30_000);
  });

  it("[C3] fails for all entries that waited for the same start, and starts anew for the next", async () => {
    const start = vi.fn<GateDeps["start"]>().mockRejectedValueOnce(new Error("no start"));
    const { gate, failed } = build({ start });
    const results = await Promise.allSettled([gate.enter(undefined, () => "in"), gate.enter(undefined, () => "in")]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await gate.enter(undefined, () => "in")).toBe("in");
    expect([start.mock.calls.length, failed.mock.calls.length]).toEqual([2, 1]);
  });

  it("stops its clock when the start is over", async () => {
    const signals: AbortSignal[] = [];
    const { gate } = build({ start: async () => {}, wait: (_, signal) => new Promise(() => signals.push(signal)) });
    await gate.enter(undefined, () => {});
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("sets no clock for a start that has nothing to wait for, and runs what comes at once", () => {
    const wait = vi.fn<GateDeps["wait"]>(() => new Promise(() => {}));
    const order: string[] = [];
    const { gate } = build({ start: () => void order.push("start"), wait });
    void gate.deliver(connection, () => void order.push("first"));
    expect(order).toEqual(["start", "first"]);
    expect(wait).not.toHaveBeenCalled();
  });

  it("[C3] a start that throws at once fails for who came, and starts anew for the next", async () => {
    const start = vi.fn<GateDeps["start"]>().mockImplementationOnce(() => {
      throw new Error("no start");
    });
    const { gate, failed } = build({ start });
    await expect(gate.enter(undefined, () => "in")).rejects.toThrow("no start");
    expect(await gate.enter(undefined, () => "in")).toBe("in");
    expect([start.mock.calls.length, failed.mock.calls.length]).toEqual([2, 1]);
  });

  it("lets the start itself in", async () => {
    const inside: unknown[] = [];
    const { gate } = build({
      start: async () => {
        inside.push(gate.call(() => "called"));
        inside.push(await gate.enter(undefined, () => "entered"));
      }
    });
    await gate.enter(undefined, () => {});
    expect(inside).toEqual(["called", "entered"]);
  });

  it("[C5] reports one error once, however many gates it leaves through", async () => {
    const { gate, failed } = build({});
    const error = new Error("once");
    const fail = () => gate.call(() => Promise.reject(error));
    await expect(gate.enter(undefined, () => gate.enter(undefined, fail))).rejects.toBe(error);
    expect(failed.mock.calls.map(([reported]) => reported)).toEqual([error]);
  });

  it("reports an error inside the context in which it happened", async () => {
    let seen: unknown;
    const { gate, self } = build({ failed: () => void (seen = currentContext()) });
    const request = new Request("http://test/");
    await expect(gate.enter({ request }, () => Promise.reject(new Error("x")))).rejects.toThrow("x");
    expect(seen).toMatchObject({ agent: self, request });
  });

  it("reports what a method called from outside throws, and throws it at once", async () => {
    const { gate, failed } = build({});
    await gate.enter(undefined, () => {});
    const fail = () => {
      throw new Error("at once");
    };
    expect(() => gate.call(fail)).toThrow("at once");
    expect(failed).toHaveBeenCalledOnce();
  });

  it("[C26] that is closed refuses callers, drops events, and reports neither", async () => {
    const { gate, failed, self } = build({});
    await gate.enter(undefined, () => {});
    const error = new Error("closed");
    const ran = vi.fn<() => void>();
    gate.close(error);
    await expect(gate.enter(undefined, ran)).rejects.toBe(error);
    expect(() => gate.call(ran)).toThrow(error);
    void gate.deliver(connection, ran);
    expect([ran.mock.calls.length, failed.mock.calls.length]).toEqual([0, 0]);
    runInContext(new EntryContext(self), () => gate.call(ran));
    expect(ran).toHaveBeenCalledOnce();
  });

  it.each<[string, (last: Departure) => Departure | Promise<Departure>]>([
    ["at once", (last) => last],
    ["later", (last) => Promise.resolve(last)]
  ])("does what is left of an event (%s) outside of its context, and reports what that throws", async (_name, end) => {
    const failed = vi.fn<GateDeps["failed"]>();
    const { gate } = build({ failed });
    const error = new Error("did not fit");
    const seen: unknown[] = [];
    const last: Departure = {
      [departure]() {
        seen.push(currentContext().agent);
        throw error;
      }
    };
    await gate.enter(undefined, () => {});
    await gate.deliver(connection, () => end(last));
    expect(seen).toEqual([undefined]);
    expect(failed).toHaveBeenCalledExactlyOnceWith(error, expect.objectContaining({ connection }));
  });

  it("[C26] that is closed before the start, or in it, refuses everybody", async () => {
    const before = build({});
    before.gate.close(new Error("closed"));
    await expect(before.gate.enter(undefined, () => {})).rejects.toThrow("closed");
    const during = build({ start: () => during.gate.close(new Error("closed")) });
    await expect(during.gate.enter(undefined, () => {})).rejects.toThrow("closed");
  });

  it("[C26] is empty when the last of those inside has left, whichever way it came in", async () => {
    const { gate } = build({});
    const finish: (() => void)[] = [];
    const stay = () => new Promise<void>((resolve) => finish.push(resolve));
    await gate.enter(undefined, () => {});
    void gate.enter(undefined, stay);
    void gate.deliver(connection, stay);
    void gate.call(stay);
    const left = vi.fn<() => void>();
    const emptied = gate.emptied().then(left);
    for (const leave of finish) {
      expect(left).not.toHaveBeenCalled();
      leave();
      await Promise.resolve();
    }
    await emptied;
    await gate.emptied();
    expect(finish.length).toBe(3);
  });
});
