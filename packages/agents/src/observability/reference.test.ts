import { subscribe as listen, unsubscribe } from "node:diagnostics_channel";
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { connect, logged } from "../test/kit";
import { genericObservability, type Observability, type ObservabilityEvent } from ".";

// The reference tables of the page "Observability", with the agents of other tests. Events of conversations are with the chat.

const recorder = (name: string) => env.Recorder.get(env.Recorder.idFromName(name));
const worker = (name: string) => env.Worker.get(env.Worker.idFromName(name));

/** What agents tell on a channel while `run` executes, as a listener of Node's module hears it. */
async function heardOn(channel: string, run: () => Promise<unknown>): Promise<ObservabilityEvent[]> {
  const heard: ObservabilityEvent[] = [];
  const listener = (event: unknown) => void heard.push(event as ObservabilityEvent);
  listen(`agents:${channel}`, listener);
  try {
    await run();
    return heard;
  } finally {
    unsubscribe(`agents:${channel}`, listener);
  }
}
const brief = (events: readonly ObservabilityEvent[]) => events.map(({ type, payload }) => [type, payload]);

// proves observability#channels-state, observability#state-update
it("state:update is told when a state is set", async () => {
  const events = await heardOn("state", () => recorder("state").setState({ n: 1 }));
  expect(events).toEqual([
    { type: "state:update", agent: "Recorder", name: "state", payload: {}, timestamp: expect.any(Number) }
  ]);
});

describe("on agents:rpc", () => {
  // proves observability#channels-rpc, observability#rpc
  it("rpc is told when a method is called, and whether it streams", async () => {
    const connection = await connect(recorder("rpc"));
    const events = await heardOn("rpc", async () => {
      await connection.call("add", 1, 1);
      await connection.call("count", 2);
    });
    expect(brief(events)).toEqual([
      ["rpc", { method: "add" }],
      ["rpc", { method: "count", streaming: true }]
    ]);
  });

  // proves observability#rpc-error
  it("rpc:error is told when it throws", async () => {
    const connection = await connect(recorder("rpc error"));
    const events = await heardOn("rpc", () => connection.call("boom"));
    expect(brief(events)).toEqual([
      ["rpc", { method: "boom" }],
      ["rpc:error", { method: "boom", error: "boom!" }]
    ]);
  });
});

describe("on agents:schedule", () => {
  // proves observability#channels-schedule, observability#schedule-create, observability#schedule-cancel
  it("schedule:create and schedule:cancel are told", async () => {
    let id = "";
    const events = await heardOn("schedule", async () => {
      const stub = worker("cancelled");
      ({ id } = await runInDurableObject(stub, (agent) => agent.schedule(3_600, "note")));
      await stub.cancelSchedule(id);
    });
    expect(brief(events)).toEqual([
      ["schedule:create", { callback: "note", id }],
      ["schedule:cancel", { callback: "note", id }]
    ]);
  });

  // proves observability#schedule-execute, observability#schedule-retry
  it("schedule:execute is told when it begins, schedule:retry when it begins again", async () => {
    const stub = worker("executed");
    let id = "";
    const events = await heardOn("schedule", async () => {
      const retry = { maxAttempts: 3, baseDelayMs: 1 };
      ({ id } = await runInDurableObject(stub, (agent) => agent.schedule(0, "failOnce", null, { retry })));
      await stub.hasRun(2);
    });
    expect(brief(events)).toEqual([
      ["schedule:create", { callback: "failOnce", id }],
      ["schedule:execute", { callback: "failOnce", id }],
      ["schedule:retry", { callback: "failOnce", id, attempt: 2, maxAttempts: 3 }]
    ]);
  });

  // proves observability#schedule-error
  it("schedule:error is told when the last attempt fails", async () => {
    const stub = worker("schedule fails");
    let id = "";
    const events = await heardOn("schedule", async () => {
      const retry = { maxAttempts: 1 };
      ({ id } = await runInDurableObject(stub, (agent) => agent.schedule(0, "fail", null, { retry })));
      await vi.waitUntil(() => stub.thrown().then(({ length }) => length > 0));
    });
    expect(brief(events).at(-1)).toEqual([
      "schedule:error",
      { callback: "fail", id, error: "thrown in a task", attempts: 1 }
    ]);
  });

  // proves observability#queue-create, observability#queue-retry
  it("queue:create is told when an item is queued, queue:retry when it is tried again", async () => {
    const stub = worker("queue retried");
    let id = "";
    const events = await heardOn("schedule", async () => {
      id = await stub.queueHere("failOnce", null, { retry: { maxAttempts: 3, baseDelayMs: 1 } });
      await stub.hasRun(2);
    });
    expect(brief(events)).toEqual([
      ["queue:create", { callback: "failOnce", id }],
      ["queue:retry", { callback: "failOnce", id, attempt: 2, maxAttempts: 3 }]
    ]);
  });

  // proves observability#queue-error
  it("queue:error is told when the last attempt fails", async () => {
    const stub = worker("queue fails");
    let id = "";
    const events = await heardOn("schedule", async () => {
      id = await stub.queueHere("fail", null, { retry: { maxAttempts: 1 } });
      await vi.waitUntil(() => stub.thrown().then(({ length }) => length > 0));
    });
    expect(brief(events)).toEqual([
      ["queue:create", { callback: "fail", id }],
      ["queue:error", { callback: "fail", id, error: "thrown in a task", attempts: 1 }]
    ]);
  });
});

describe("on agents:lifecycle", () => {
  // proves observability#channels-lifecycle, observability#connect, observability#disconnect
  it("connect and disconnect are told, with the code and reason of the close", async () => {
    const stub = recorder("connections");
    const events = await heardOn("lifecycle", async () => {
      const connection = await connect(stub, "_pk=c1");
      connection.close(4001, "enough");
      await connection.closed;
      await stub.plain();
    });
    expect(brief(events)).toEqual([
      ["connect", { connectionId: "c1" }],
      ["disconnect", { connectionId: "c1", code: 4001, reason: "enough" }]
    ]);
  });

  // proves observability#destroy
  it("destroy is told when the agent is destroyed", async () => {
    const events = await heardOn("lifecycle", async () => recorder("destroyed").destroy());
    expect(brief(events)).toEqual([["destroy", {}]]);
  });
});

describe("an observability of one's own", () => {
  // proves observability#custom, observability#custom-emit
  it("gets the events of its agent, and the channels get none", async () => {
    const stub = recorder("custom");
    const events: ObservabilityEvent[] = [];
    await runInDurableObject(stub, (agent) => {
      agent.observability = { emit: (event) => void events.push(event) };
    });
    const published = await heardOn("rpc", async () => (await connect(stub)).call("boom"));
    expect(brief(events).slice(-3, -1)).toEqual([
      ["rpc", { method: "boom" }],
      ["rpc:error", { method: "boom", error: "boom!" }]
    ]);
    expect(published).toEqual([]);
  });

  it("may hand them on to the channels", async () => {
    const stub = recorder("handed on");
    const both: Observability = { emit: (event) => genericObservability.emit(event) };
    await runInDurableObject(stub, (agent) => void (agent.observability = both));
    expect(brief(await heardOn("rpc", async () => (await connect(stub)).call("add", 1, 1)))).toEqual([
      ["rpc", { method: "add" }]
    ]);
  });

  it("that is undefined gets nothing built, while the channels are listened to", async () => {
    const stub = recorder("disabled");
    await runInDurableObject(stub, (agent) => void (agent.observability = undefined));
    const log = await logged(async () => {
      expect(await heardOn("rpc", async () => (await connect(stub)).call("boom"))).toEqual([]);
    });
    expect(log).toHaveLength(0);
  });
});
