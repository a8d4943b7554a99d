import { env } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { approvalsOf } from "../approvals";
import type { ObservabilityEvent } from "../observability";
import { errorOf, evict } from "../test/kit";
import { type OfficeStub, eventually, infoOf, notesOf, office, send, watch, within } from "../test/workflows-kit";

afterEach(() => vi.restoreAllMocks());

const waiting = { do: "await", type: "go" } as const;
const go = (stub: OfficeStub, id: string) => stub.sendWorkflowEvent("ERRAND", id, { type: "go", payload: 1 });
const statusOf = async (stub: OfficeStub, id: string) => (await infoOf(stub, id))?.status;
const isRunning = (stub: OfficeStub, id: string) =>
  eventually(async () => expect(await statusOf(stub, id)).toBe("running"));

describe("[F8] a workflow", () => {
  // proves run-workflows#terminateWorkflow, run-workflows#status-terminated
  it("is terminated at once, and what it waits for is not to be decided any more", () =>
    watch("terminated", async (instance) => {
      const stub = office();
      await send(stub, "terminated", { do: "approve" });
      await eventually(async () => expect(await statusOf(stub, "terminated")).toBe("waiting"));
      await stub.terminateWorkflow("terminated");
      await instance.waitForStatus("terminated");
      expect(await infoOf(stub, "terminated")).toMatchObject({ status: "terminated", completedAt: expect.any(Date) });
      expect(await within(stub, (agent) => approvalsOf(agent).list()[0]?.status)).toBe("cancelled");
      expect(await errorOf(() => stub.terminateWorkflow("terminated"))).toMatchObject({ code: "WORKFLOW_REFUSED" });
      expect(await errorOf(() => stub.approveWorkflow("terminated"))).toMatchObject({ code: "WORKFLOW_NOT_WAITING" });
      expect(await notesOf(stub)).toEqual([]);
    }));

  // proves run-workflows#pauseWorkflow, run-workflows#resumeWorkflow, run-workflows#status-paused
  // proves run-workflows#status-running
  it("is paused and goes on, with its steps as they were", () =>
    watch("paused", async (instance) => {
      const stub = office();
      await send(stub, "paused", { do: "step", name: "a" }, waiting, { do: "step", name: "b" });
      await isRunning(stub, "paused");
      await stub.pauseWorkflow("paused");
      await instance.waitForStatus("paused");
      expect(await statusOf(stub, "paused")).toBe("paused");
      expect(await within(stub, (agent) => agent.getWorkflowStatus("ERRAND", "paused"))).toMatchObject({
        status: "paused"
      });
      await evict(stub);
      await stub.resumeWorkflow("paused");
      expect(await statusOf(stub, "paused")).toBe("running");
      await go(stub, "paused");
      await instance.waitForStatus("complete");
      expect((await notesOf(stub)).map(([what]) => what)).toEqual(["a", "b", "complete"]);
    }));

  it("that somebody else pauses has not failed", () =>
    watch("paused-by-hand", async (instance) => {
      const stub = office();
      await send(stub, "paused-by-hand", waiting);
      await isRunning(stub, "paused-by-hand");
      const handle = await env.ERRAND.get("paused-by-hand");
      await handle.pause();
      await instance.waitForStatus("paused");
      await handle.resume();
      await go(stub, "paused-by-hand");
      await instance.waitForStatus("complete");
      expect((await notesOf(stub)).map(([what]) => what)).toEqual(["complete"]);
    }));

  it("that is paused while it waits for approval, waits for it when it goes on", () =>
    watch("paused-waiting", async (instance) => {
      const stub = office();
      await send(stub, "paused-waiting", { do: "approve" });
      await eventually(async () => expect(await statusOf(stub, "paused-waiting")).toBe("waiting"));
      await stub.pauseWorkflow("paused-waiting");
      await instance.waitForStatus("paused");
      await stub.resumeWorkflow("paused-waiting");
      expect(await statusOf(stub, "paused-waiting")).toBe("waiting");
      await stub.approveWorkflow("paused-waiting");
      await instance.waitForStatus("complete");
    }));

  // proves run-workflows#restartWorkflow
  it("is restarted with its parameters, and says all of it again", () =>
    watch("restarted", async (instance) => {
      const stub = office();
      await send(stub, "restarted", { do: "event", value: 1 }, { do: "throw", message: "once more" });
      await instance.waitForStatus("errored");
      const before = (await infoOf(stub, "restarted"))!;
      expect(before.error).toEqual({ name: "Error", message: "once more" });
      await stub.restartWorkflow("restarted");
      await eventually(async () => expect((await notesOf(stub)).length).toBe(4));
      expect((await notesOf(stub)).map(([what]) => what)).toEqual(["event", "error", "event", "error"]);
      expect(await infoOf(stub, "restarted")).toMatchObject({ status: "errored" });
    }));

  // proves run-workflows#restartWorkflow-reset, run-workflows#restartWorkflow-preserve
  it.each([true, false])("is restarted with its times cleared: %s", async (resetTracking) => {
    const id = `times-${resetTracking}`;
    await watch(id, async () => {
      const stub = office();
      await send(stub, id, waiting);
      await isRunning(stub, id);
      await within(
        stub,
        (agent) => void agent.sql`UPDATE cf_agents_workflows SET created_at = 5, error_message = 'old'`
      );
      await stub.restartWorkflow(id, resetTracking ? undefined : { resetTracking });
      const { createdAt, error } = (await infoOf(stub, id))!;
      expect([createdAt.getTime() === 5_000, error === null]).toEqual([!resetTracking, resetTracking]);
      await stub.terminateWorkflow(id);
    });
  });

  it("that is restarted asks again for what was approved", () =>
    watch("asks-again", async (instance) => {
      const stub = office();
      await send(stub, "asks-again", waiting, { do: "approve" });
      await stub.approveWorkflow("asks-again", { metadata: { run: 1 } });
      await go(stub, "asks-again");
      await instance.waitForStatus("complete");
      await stub.restartWorkflow("asks-again");
      await stub.approveWorkflow("asks-again", { metadata: { run: 2 } });
      await go(stub, "asks-again");
      await eventually(async () => expect((await notesOf(stub)).length).toBe(2));
      expect((await notesOf(stub)).map(([, note]) => (note as unknown[])[2])).toEqual([
        [1, { run: 1 }],
        [1, { run: 2 }]
      ]);
    }));

  it("that nobody knows cannot be controlled", async () => {
    const stub = office();
    const operations = [
      () => stub.terminateWorkflow("x"),
      () => stub.pauseWorkflow("x"),
      () => stub.resumeWorkflow("x"),
      () => stub.restartWorkflow("x"),
      () => stub.rejectWorkflow("x"),
      () => go(stub, "x"),
      () => within(stub, async (agent) => void (await agent.getWorkflowStatus("ERRAND", "x")))
    ];
    for (const operation of operations) expect(await errorOf(operation)).toMatchObject({ code: "WORKFLOW_UNKNOWN" });
  });

  it.each(["Not implemented yet", "pause is not yet supported in local development"])(
    "cannot be controlled by a runtime that says: %s",
    (message) =>
      watch("unsupported", async () => {
        const stub = office();
        await send(stub, "unsupported", waiting);
        const instance = (await env.ERRAND.get("unsupported")) as WorkflowInstance;
        const pause = vi.spyOn(Object.getPrototypeOf(instance) as WorkflowInstance, "pause");
        pause.mockImplementation(() => Promise.reject(new Error(message)));
        const error = await errorOf(() => stub.pauseWorkflow("unsupported"));
        expect([error.code, pause.mock.calls.length]).toEqual(["WORKFLOW_UNSUPPORTED", 1]);
        expect(error.message).toContain("cannot pause workflows");
        expect(await statusOf(stub, "unsupported")).not.toBe("paused");
      })
  );

  // proves retries#workflows
  it("is asked again for what failed on its way, as often as the agent's options say", () =>
    watch("retried", async (instance) => {
      const stub = office();
      await send(stub, "retried", waiting);
      const get = vi.spyOn(Object.getPrototypeOf(env.ERRAND) as Workflow, "get");
      get.mockImplementationOnce(() => Promise.reject(new Error("Network connection lost.")));
      get.mockImplementationOnce(() => Promise.reject(new Error("overloaded")));
      await go(stub, "retried");
      await instance.waitForStatus("complete");
      expect(get).toHaveBeenCalledTimes(3);
      get.mockImplementation(() => Promise.reject(new Error("overloaded")));
      expect((await errorOf(() => stub.pauseWorkflow("retried"))).message).toBe("overloaded");
      expect(get).toHaveBeenCalledTimes(6);
    }));
});

describe("[F9] observability", () => {
  // proves observability#workflow:start, observability#workflow:event, observability#workflow:approved
  // proves observability#workflow:rejected, observability#workflow:terminated, observability#workflow:paused
  // proves observability#workflow:resumed, observability#workflow:restarted
  it("is told what an agent does with its workflows", async () => {
    const stub = office();
    const events: ObservabilityEvent[] = [];
    await within(stub, (agent) => {
      agent.observability = { emit: (event) => void events.push(event) };
    });
    const workflowEvents = () =>
      events.filter(({ type }) => type.startsWith("workflow:")).map(({ type, payload }) => [type, payload]);
    await watch("observed", async (instance) => {
      await send(stub, "observed", waiting, { do: "approve" }, { do: "approve" });
      await isRunning(stub, "observed");
      await stub.pauseWorkflow("observed");
      await instance.waitForStatus("paused");
      await stub.resumeWorkflow("observed");
      await go(stub, "observed");
      await eventually(async () => expect(await statusOf(stub, "observed")).toBe("waiting"));
      await stub.approveWorkflow("observed", { reason: "fine" });
      await eventually(async () => expect(await statusOf(stub, "observed")).toBe("waiting"));
      await stub.rejectWorkflow("observed");
      await instance.waitForStatus("complete");
      await stub.restartWorkflow("observed");
      await stub.terminateWorkflow("observed");
    });
    const about = { workflowId: "observed", workflowName: "ERRAND" };
    expect(workflowEvents()).toEqual([
      ["workflow:start", about],
      ["workflow:paused", about],
      ["workflow:resumed", about],
      ["workflow:event", { workflowId: "observed", eventType: "go" }],
      ["workflow:approved", { workflowId: "observed", reason: "fine" }],
      ["workflow:rejected", { workflowId: "observed" }],
      ["workflow:restarted", about],
      ["workflow:terminated", about]
    ]);
  });
});
