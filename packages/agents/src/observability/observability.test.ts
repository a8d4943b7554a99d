import { subscribe as listen, unsubscribe } from "node:diagnostics_channel";
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { installCapability } from "../capability";
import { connect, logged } from "../test/kit";
import {
  channels,
  genericObservability,
  subscribe,
  type ChannelEventMap,
  type Observability,
  type ObservabilityEvent
} from ".";

let names = 0;
const recorder = () => env.Recorder.get(env.Recorder.idFromName(`observed-${names++}`));
type Stub = ReturnType<typeof recorder>;
const observe = (stub: Stub, observability: Observability | undefined) =>
  runInDurableObject(stub, (agent) => void (agent.observability = observability));

/** What an agent emits while `run` talks to it over a connection. */
async function eventsOf(
  run: (connection: Awaited<ReturnType<typeof connect>>, stub: Stub) => Promise<unknown>
): Promise<ObservabilityEvent[]> {
  const stub = recorder();
  const events: ObservabilityEvent[] = [];
  await observe(stub, { emit: (event) => void events.push(event) });
  const connection = await connect(stub, "_pk=c");
  await run(connection, stub);
  return events;
}
const brief = (events: readonly ObservabilityEvent[], ...types: string[]) =>
  events.filter(({ type }) => types.includes(type)).map(({ type, payload }) => [type, payload]);

describe("[O1] an event", () => {
  it("tells what happened, to which class and instance, and when", async () => {
    const before = Date.now();
    const stub = recorder();
    const events: ObservabilityEvent[] = [];
    await observe(stub, { emit: (event) => void events.push(event) });
    const name = await runInDurableObject(stub, (agent) => agent.name);
    await stub.setState({ n: 1 });
    expect(events).toEqual([
      { type: "state:update", agent: "Recorder", name, payload: {}, timestamp: expect.any(Number) }
    ]);
    expect(events[0]!.timestamp).toBeGreaterThanOrEqual(before);
  });

  it("is emitted for each call, and for each that fails", async () => {
    const events = await eventsOf(async (connection) => {
      for (const method of ["add", "count", "boom", "midway", "nope", "plain"]) await connection.call(method, 1, 1);
    });
    expect(brief(events, "rpc", "rpc:error")).toEqual([
      ["rpc", { method: "add" }],
      ["rpc", { method: "count", streaming: true }],
      ["rpc", { method: "boom" }],
      ["rpc:error", { method: "boom", error: "boom!" }],
      ["rpc", { method: "midway", streaming: true }],
      ["rpc:error", { method: "midway", error: "mid" }],
      ["rpc:error", { method: "nope", error: "Method nope does not exist" }],
      ["rpc:error", { method: "plain", error: "Method plain is not callable" }]
    ]);
  });

  it("is emitted for a connection that comes and goes", async () => {
    const events = await eventsOf(async (connection, stub) => {
      connection.close(4002, "bye");
      await connection.closed;
      await stub.plain();
    });
    expect(brief(events, "connect", "disconnect")).toEqual([
      ["connect", { connectionId: "c" }],
      ["disconnect", { connectionId: "c", code: 4002, reason: "bye" }]
    ]);
  });

  it("is emitted for a state that is stored, by whomever, and not for one that is refused", async () => {
    const events = await eventsOf(async (connection) => {
      connection.send({ type: "cf_agent_state", state: { n: 1 } });
      await connection.call("set", 2);
      connection.send({ type: "cf_agent_state", state: { n: -1 } });
      await connection.settled();
    });
    expect(brief(events, "state:update")).toEqual([
      ["state:update", {}],
      ["state:update", {}]
    ]);
  });
});

describe("[O2] an agent that nobody listens to", () => {
  // proves observability#silent
  it.each<[string, Observability | undefined, number]>([
    ["the default one, with no listener", genericObservability, 0],
    ["one that does not want the type", { wants: () => false, emit: () => {} }, 0],
    ["none", undefined, 0],
    ["one that takes everything", { emit: () => {} }, 1]
  ])("does not build its events: %s", async (_name, observability, built) => {
    const stub = recorder();
    await observe(stub, observability);
    const payload = vi.fn(() => ({}));
    await runInDurableObject(stub, (agent) => {
      installCapability(agent, "probe", (kit) => {
        kit.emit("probe", payload);
        return { name: "probe" };
      });
    });
    expect(payload).toHaveBeenCalledTimes(built);
  });

  it("emits nothing when its observability is undefined", async () => {
    const stub = recorder();
    await observe(stub, undefined);
    const heard = vi.fn();
    listen("agents:rpc", heard);
    await (await connect(stub)).call("add", 1, 1);
    unsubscribe("agents:rpc", heard);
    expect(heard).not.toHaveBeenCalled();
  });
});

/** The table of the documentation, then what is ours. */
const typesByChannel: { [Name in keyof ChannelEventMap]: Record<ChannelEventMap[Name]["type"], true> } = {
  state: { "state:update": true },
  rpc: { rpc: true, "rpc:error": true },
  message: {
    "message:request": true,
    "message:response": true,
    "message:clear": true,
    "message:cancel": true,
    "message:error": true,
    "tool:result": true,
    "tool:approval": true,
    "turn:end": true
  },
  schedule: {
    "schedule:create": true,
    "schedule:execute": true,
    "schedule:cancel": true,
    "schedule:retry": true,
    "schedule:error": true,
    "queue:create": true,
    "queue:retry": true,
    "queue:error": true,
    "schedule:parked": true,
    "schedule:skip": true,
    "queue:parked": true
  },
  lifecycle: {
    connect: true,
    disconnect: true,
    destroy: true,
    error: true,
    "frame:malformed": true,
    "frame:refused": true,
    "approval:request": true,
    "approval:vote": true,
    "approval:decide": true,
    "approval:expire": true,
    "approval:undelivered": true
  },
  workflow: {
    "workflow:start": true,
    "workflow:event": true,
    "workflow:approved": true,
    "workflow:rejected": true,
    "workflow:terminated": true,
    "workflow:paused": true,
    "workflow:resumed": true,
    "workflow:restarted": true
  },
  mcp: {
    "mcp:client:preconnect": true,
    "mcp:client:connect": true,
    "mcp:client:authorize": true,
    "mcp:client:discover": true,
    "mcp:client:call": true,
    "mcp:server:call": true
  },
  email: {
    "email:receive": true,
    "email:reply": true,
    "email:send": true,
    "email:duplicate": true,
    "email:suppress": true
  }
};

// proves observability#message-types
describe("[O3] the default", () => {
  it.each(
    Object.entries(typesByChannel).flatMap(([name, types]) => Object.keys(types).map((type) => [name, type] as const))
  )("publishes on agents:%s what is %s", (channel, type) => {
    // What the payload is does not matter to a channel.
    const event = { type, agent: "A", name: "n", payload: {}, timestamp: 1 } as ObservabilityEvent;
    const heard = vi.fn();
    expect(genericObservability.wants(type)).toBe(false);
    listen(`agents:${channel}`, heard);
    expect(genericObservability.wants(type)).toBe(true);
    genericObservability.emit(event);
    unsubscribe(`agents:${channel}`, heard);
    expect(heard.mock.calls.map(([message]) => message)).toEqual([event]);
  });

  it("has a listener hear what an agent does", async () => {
    const heard = vi.fn();
    listen("agents:rpc", heard);
    await (await connect(recorder())).call("add", 1, 1);
    unsubscribe("agents:rpc", heard);
    expect(heard.mock.calls[0]![0]).toMatchObject({ type: "rpc", agent: "Recorder", payload: { method: "add" } });
  });
});

describe("[O5] subscribe", () => {
  // proves agents-api#subscribe, observability#subscribe
  it("hears one channel of all agents until it is ended", async () => {
    const heard: ChannelEventMap["rpc"][] = [];
    const stop = subscribe("rpc", (event) => void heard.push(event));
    const connection = await connect(recorder());
    await connection.call("add", 1, 1);
    await connection.call("boom");
    expect(channels.rpc.hasSubscribers).toBe(true);
    stop();
    await connection.call("add", 1, 1);
    expect(brief(heard, "rpc", "rpc:error")).toEqual([
      ["rpc", { method: "add" }],
      ["rpc", { method: "boom" }],
      ["rpc:error", { method: "boom", error: "boom!" }]
    ]);
    expect(channels.rpc.hasSubscribers).toBe(false);
  });

  it("ends its own listener only, when one function listens twice", () => {
    const heard = vi.fn();
    const stops = [subscribe("state", heard), subscribe("state", heard)];
    stops[0]!();
    channels.state.publish("event");
    stops[1]!();
    expect(heard.mock.calls).toEqual([["event"]]);
  });
});

describe("[O4] an observer that throws", () => {
  it.each<[string, Observability]>([
    [
      "emit",
      {
        emit: () => {
          throw new Error("observer");
        }
      }
    ],
    [
      "wants",
      {
        emit: () => {},
        wants: () => {
          throw new Error("observer");
        }
      }
    ]
  ])("in %s changes nothing of what happens, and is logged", async (_name, observability) => {
    const stub = recorder();
    await observe(stub, observability);
    const log = await logged(async () => {
      const connection = await connect(stub, "_pk=c");
      expect([await connection.call("set", 3), await connection.call("boom")]).toMatchObject([
        { result: 3 },
        { error: "boom!" }
      ]);
      connection.close();
      await connection.closed;
      expect(await stub.plain()).toBe(3);
    });
    expect(log.length).toBeGreaterThan(3);
  });
});
