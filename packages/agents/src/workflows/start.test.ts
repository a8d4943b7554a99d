import { env, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fault } from "../test/fault";
import { evict, errorOf, killAll } from "../test/kit";
import { Office } from "../test/workflow-agents";
import type { WorkflowCallback } from "./types";
import { type OfficeStub, eventually, infoOf, notesOf, office, send, watch, within } from "../test/workflows-kit";

/** Lets the alarm ring as if so much time had passed. */
async function ringAfter(stub: OfficeStub, ms: number): Promise<boolean> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  try {
    return await runDurableObjectAlarm(stub);
  } finally {
    vi.useRealTimers();
  }
}
const exists = (id: string) =>
  env.ERRAND.get(id).then(
    () => true,
    () => false
  );
const alarmOf = (stub: OfficeStub) => within(stub, (agent) => agent.whyAwake().alarm.length);

afterEach(() => {
  vi.restoreAllMocks();
  Office.afterwards.clear();
  fault.reset();
});

describe("[F4] a start", () => {
  it("that is killed anywhere leaves an instance and its row, or neither", async () => {
    const points = await fault.count(() => send(office("counted"), "counted", { do: "await", type: "go" }));
    expect(points).toBeGreaterThan(3);
    const left = new Set<boolean>();
    for (let n = 1; n <= points; n++) {
      const id = `killed-${n}`;
      const place = await fault.killAt(n, () => send(office(id), id, { do: "await", type: "go" }), killAll);
      const stub = office(id);
      await ringAfter(stub, 60_000);
      const isThere = await exists(id);
      const row = await infoOf(stub, id);
      expect([row !== undefined, row?.status === "unknown"], `${place}`).toEqual([isThere, false]);
      left.add(isThere);
      // What ran in its workflow may have ended with it.
      if (isThere) await stub.terminateWorkflow(id).catch(() => {});
    }
    expect([...left]).toContain(true);
  }, 60_000);

  it("is tried again while the engine cannot be reached, and what it has done by then is found", () =>
    watch("lost-answer", async (instance) => {
      const stub = office();
      const prototype = Object.getPrototypeOf(env.ERRAND) as Workflow;
      const { create } = prototype;
      const attempts = vi.spyOn(prototype, "create");
      // The instance was created, and nobody has heard of it.
      attempts.mockImplementationOnce(async function (this: Workflow, options) {
        await create.call(this, options);
        throw new Error("Network connection lost.");
      });
      expect(await send(stub, "lost-answer")).toBe("lost-answer");
      expect(attempts).toHaveBeenCalledTimes(2);
      await instance.waitForStatus("complete");
      expect(await infoOf(stub, "lost-answer")).toMatchObject({ status: "complete" });
    }));

  it("that fails leaves nothing", async () => {
    const stub = office();
    const attempts = vi.spyOn(Object.getPrototypeOf(env.ERRAND) as Workflow, "create");
    attempts.mockImplementation(() => Promise.reject(new Error("overloaded")));
    expect((await errorOf(() => send(stub, "fails"))).message).toBe("overloaded");
    expect([attempts.mock.calls.length, await infoOf(stub, "fails"), await alarmOf(stub)]).toEqual([3, undefined, 0]);
    expect(await within(stub, (agent) => [...agent.storedKeys("cf_agents_workflow_params")])).toEqual([]);
  });

  it.each([true, false])(
    "of which nobody knows whether it failed is looked after by the alarm: %s",
    async (wasCreated) => {
      const id = `unknown-${wasCreated}`;
      const stub = office();
      const prototype = Object.getPrototypeOf(env.ERRAND) as Workflow;
      const { create } = prototype;
      vi.spyOn(prototype, "create").mockImplementation(async function (this: Workflow, options) {
        if (wasCreated) await create.call(this, options).catch(() => {});
        throw new Error("overloaded");
      });
      vi.spyOn(prototype, "get").mockImplementation(() => Promise.reject(new Error("overloaded")));
      expect((await errorOf(() => send(stub, id, { do: "await", type: "go" }))).message).toBe("overloaded");
      vi.restoreAllMocks();
      expect(await ringAfter(stub, 60_000)).toBe(true);
      expect([await exists(id), (await infoOf(stub, id)) !== undefined]).toEqual([wasCreated, wasCreated]);
      if (wasCreated) await stub.terminateWorkflow(id);
    }
  );
});

describe("[F5] what a workflow tells", () => {
  const speaker = { workflowName: "ERRAND", instanceId: "said", run: "r", timestamp: 1 };
  const waiting = async (stub: OfficeStub) => {
    await send(stub, "said", { do: "await", type: "go" });
    // What it says itself comes first.
    await eventually(async () => expect(await infoOf(stub, "said")).toMatchObject({ status: "running" }));
  };

  // proves run-workflows#durable-steps, concept-workflows#exactly-once, store-and-sync-state#steps-are-durable
  it("in a step is applied once, however often it comes", () =>
    watch("said", async () => {
      const stub = office();
      await waiting(stub);
      const event = { kind: "event", key: "k", event: 1 } as const;
      const complete = { kind: "complete", key: "c", result: 2 } as const;
      await Promise.all([stub.__workflow(speaker, event), stub.__workflow(speaker, event)]);
      for (const report of [event, complete, complete]) await stub.__workflow(speaker, report);
      await evict(stub);
      await stub.__workflow(speaker, event);
      expect((await notesOf(stub)).map(([what]) => what)).toEqual(["event", "complete"]);
      // Another run says it for itself.
      await stub.__workflow({ ...speaker, run: "s" }, event);
      expect((await notesOf(stub)).length).toBe(3);
    }));

  // proves concept-workflows#at-least-once
  it("of its progress is applied once and in order, in each life of the workflow", () =>
    watch("said", async () => {
      const stub = office();
      await waiting(stub);
      const tell = (life: string, sequence: number) =>
        stub.__workflow(speaker, { kind: "progress", life, sequence, progress: { n: `${life}${sequence}` } });
      for (const [life, sequence] of [
        ["a", 1],
        ["a", 2],
        ["a", 2],
        ["a", 1],
        ["b", 1],
        ["b", 2]
      ] as const)
        await tell(life, sequence);
      const told = (await notesOf(stub)).map(([, value]) => (value as [string, string, { n: string }])[2].n);
      expect(told).toEqual(["a1", "a2", "b1", "b2"]);
    }));

  it("is told again after a hook has failed, or its agent was killed in the middle of it", async () => {
    for (const how of ["throws", "dies"]) {
      const id = `cut-${how}`;
      await watch(id, async (instance) => {
        await instance.modify((modifier) => modifier.disableRetryDelays());
        const calls: string[] = [];
        Office.afterwards.set(id, async ({ type }) => {
          if (type !== "event" || calls.push(type) > 1) return;
          if (how === "throws") throw new Error("thrown in a hook");
          await new Promise(() => {});
        });
        await send(office(id), id, { do: "event", value: how });
        // Not by a promise of the agent's: what runs after it would run inside the agent that is to be killed.
        await eventually(() => expect(calls.length).toBeGreaterThan(0));
        if (how === "dies") await killAll();
        await instance.waitForStatus("complete");
        expect(calls.length).toBe(2);
        expect((await notesOf(office(id))).map(([what]) => what)).toEqual(["event", "complete"]);
      });
    }
  });

  // proves run-workflows#onWorkflowCallback
  it("comes to onWorkflowCallback too, whatever it is", () =>
    watch("callbacks", async (instance) => {
      const heard: WorkflowCallback[] = [];
      Office.afterwards.set("callbacks", (callback) => void heard.push(callback));
      const stub = office("callbacks");
      await send(
        stub,
        "callbacks",
        { do: "progress", progress: { step: "a" } },
        { do: "event", value: 1 },
        { do: "error", value: "e" }
      );
      await instance.waitForStatus("complete");
      const from = {
        workflowName: "ERRAND",
        instanceId: "callbacks",
        workflowId: "callbacks",
        timestamp: expect.any(Number)
      };
      expect(heard).toEqual([
        { type: "progress", ...from, progress: { step: "a" } },
        { type: "event", ...from, event: 1 },
        { type: "error", ...from, error: "e" }
      ]);
    }));

  it("is progress that a hook cannot bear: the workflow goes on", () =>
    watch("unbearable", async (instance) => {
      const stub = office("unbearable");
      Office.afterwards.set("unbearable", ({ type }) => {
        if (type === "progress") throw new Error("no more progress");
      });
      await send(stub, "unbearable", { do: "progress", progress: {} });
      await instance.waitForStatus("complete");
      expect(await stub.thrown()).toEqual(["Error: no more progress"]);
    }));

  it("of its end, in vain, does not change how it ends", async () => {
    for (const how of ["complete", "errored"] as const) {
      const id = `deaf-${how}`;
      await watch(id, async (instance) => {
        await instance.modify((modifier) => modifier.disableRetryDelays());
        const calls: string[] = [];
        Office.afterwards.set(id, ({ type }) => {
          calls.push(type);
          throw new Error("deaf");
        });
        await send(office(id), id, how === "complete" ? { do: "who" } : { do: "throw", message: "thrown" });
        await instance.waitForStatus(how);
        const type = how === "complete" ? "complete" : "error";
        expect([calls, (await infoOf(office(id), id))?.status]).toEqual([Array(6).fill(type), how]);
        if (how === "errored") expect(await instance.getError()).toMatchObject({ message: "thrown" });
      });
    }
  });

  it("is heard by an agent that was evicted meanwhile", () =>
    watch("evicted", async (instance) => {
      const stub = office();
      await send(
        stub,
        "evicted",
        { do: "await", type: "go" },
        { do: "step", name: "a" },
        { do: "merge", state: { b: 1 } }
      );
      await evict(stub);
      await stub.sendWorkflowEvent("ERRAND", "evicted", { type: "go", payload: null });
      await evict(stub);
      await instance.waitForStatus("complete");
      expect(await within(stub, (agent) => agent.state)).toEqual({ fresh: true, b: 1 });
      expect(await infoOf(stub, "evicted")).toMatchObject({ status: "complete" });
    }));
});

describe("[F6] an instance that says nothing", () => {
  it("is looked at after a while, and its agent is told of its end", () =>
    watch(
      "silent",
      async (instance) => {
        const stub = office();
        await stub.runWorkflow("PLAIN", {}, { id: "silent" });
        await stub.sendWorkflowEvent("PLAIN", "silent", { type: "approval", payload: null });
        await instance.waitForStatus("complete");
        expect(await ringAfter(stub, 3_600_000)).toBe(true);
        expect(await notesOf(stub)).toEqual([["complete", ["PLAIN", "silent", "plainly done"]]]);
        expect([await infoOf(stub, "silent"), await alarmOf(stub)]).toMatchObject([{ status: "complete" }, 0]);
      },
      env.PLAIN
    ));

  it("because there is none any more, is unknown", async () => {
    const stub = office();
    await send(stub, "vanished", { do: "await", type: "go" });
    await watch("vanished", async () => {});
    expect(await ringAfter(stub, 3_600_000)).toBe(true);
    expect(await infoOf(stub, "vanished")).toMatchObject({ status: "unknown" });
  });

  // proves run-workflows#retention
  it("because it has ended is forgotten when its retention is over", () =>
    watch("retained", async () => {
      const stub = office();
      await send(stub, "retained", { do: "await", type: "go" });
      await stub.terminateWorkflow("retained");
      await ringAfter(stub, 59_000);
      expect(await infoOf(stub, "retained")).toMatchObject({ status: "terminated" });
      await ringAfter(stub, 61_000);
      expect([await infoOf(stub, "retained"), await alarmOf(stub)]).toEqual([undefined, 0]);
    }));
});
