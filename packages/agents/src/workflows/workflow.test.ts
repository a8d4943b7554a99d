import { describe, expect, it } from "vitest";
import { connect } from "../test/kit";
import { infoOf, notesOf, office, send, watch, within } from "../test/workflows-kit";

describe("[F1] a workflow of an agent", () => {
  // proves run-workflows#onWorkflowComplete, run-workflows#status-complete, run-workflows#retry-backoff
  // proves run-workflows#runWorkflow, agents-api#runWorkflow, concept-workflows#retries
  // proves concept-workflows#step-permanent, run-workflows#getWorkflow
  it("runs its steps, calls methods of its agent and returns", () =>
    watch("steps", async (instance) => {
      const stub = office();
      const id = await send(
        stub,
        "steps",
        { do: "step", name: "a", fails: 1 },
        { do: "save", value: 7 },
        { do: "who" }
      );
      expect(id).toBe("steps");
      await instance.waitForStatus("complete");
      const result = ["a 2", null, { instanceId: "steps", workflowId: "steps", workflowName: "ERRAND" }];
      expect(await instance.getOutput()).toEqual(result);
      expect(await notesOf(stub)).toEqual([
        ["a", 1],
        ["a", 2],
        ["save", 7],
        ["complete", ["ERRAND", "steps", result]]
      ]);
      expect(await infoOf(stub, "steps")).toMatchObject({ instanceId: "steps", status: "complete", error: null });
    }));

  // proves run-workflows#reportProgress, run-workflows#broadcastToClients, run-workflows#onWorkflowProgress
  // proves concept-workflows#background-progress
  it("tells its progress, which is a hook of its agent, and broadcasts to its clients", () =>
    watch("tells", async (instance) => {
      const stub = office();
      const client = await connect(stub);
      const progress = { step: "one", percent: 0.5 };
      await send(stub, "tells", { do: "progress", progress }, { do: "broadcast", message: { hello: 1 } });
      await instance.waitForStatus("complete");
      expect(await client.next((frame) => frame.hello === 1)).toEqual({ hello: 1 });
      expect((await notesOf(stub))[0]).toEqual(["progress", ["ERRAND", "tells", progress, true]]);
    }));

  // proves run-workflows#updateAgentState, run-workflows#mergeAgentState, run-workflows#resetAgentState
  // proves store-and-sync-state#step-updateAgentState, store-and-sync-state#step-mergeAgentState
  // proves store-and-sync-state#step-resetAgentState, concept-workflows#sync-state
  it("changes the state of its agent, and so that of its clients", () =>
    watch("state", async (instance) => {
      const stub = office();
      const client = await connect(stub);
      await send(
        stub,
        "state",
        { do: "update", state: { a: 1, b: { c: 1 } } },
        { do: "merge", state: { b: { d: 2 } } },
        { do: "await", type: "go" },
        { do: "reset" }
      );
      const stateOf = (n: number) =>
        client.next((frame) => frame.type === "cf_agent_state" && "a" in (frame.state as object) === n > 0);
      expect(await stateOf(1)).toMatchObject({ state: { a: 1, b: { c: 1 } } });
      expect(await stateOf(1)).toMatchObject({ state: { a: 1, b: { d: 2 } } });
      await stub.sendWorkflowEvent("ERRAND", "state", { type: "go", payload: {} });
      await instance.waitForStatus("complete");
      expect(await within(stub, (agent) => agent.state)).toEqual({ fresh: true });
    }));

  // proves run-workflows#sendEvent, run-workflows#onWorkflowEvent, run-workflows#sendWorkflowEvent
  // proves concept-workflows#bidirectional
  it("sends events both ways", () =>
    watch("events", async (instance) => {
      const stub = office();
      await send(
        stub,
        "events",
        { do: "event", value: { n: 1 } },
        { do: "await", type: "go" },
        { do: "event", value: 2 }
      );
      await stub.sendWorkflowEvent("ERRAND", "events", { type: "go", payload: { action: "proceed" } });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([null, { action: "proceed" }, null]);
      expect((await notesOf(stub)).slice(0, 2)).toEqual([
        ["event", ["ERRAND", "events", { n: 1 }]],
        ["event", ["ERRAND", "events", 2]]
      ]);
    }));

  it("sleeps", () =>
    watch("sleeps", async (instance) => {
      await instance.modify((modifier) => modifier.disableSleeps());
      const stub = office();
      await send(stub, "sleeps", { do: "sleep", name: "long", duration: 86_400_000 }, { do: "step", name: "awake" });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([null, "awake 1"]);
    }));

  // proves run-workflows#onWorkflowError, run-workflows#status-errored, run-workflows#getWorkflowStatus
  it("that throws is told as an error, once", () =>
    watch("throws", async (instance) => {
      const stub = office();
      await send(stub, "throws", { do: "throw", message: "no more paper" });
      await instance.waitForStatus("errored");
      expect(await notesOf(stub)).toEqual([["error", ["ERRAND", "throws", "no more paper"]]]);
      const error = { name: "Error", message: "no more paper" };
      expect(await infoOf(stub, "throws")).toMatchObject({ status: "errored", error, completedAt: expect.any(Date) });
      expect(await stub.getWorkflowStatus("ERRAND", "throws")).toMatchObject({ status: "errored", error });
    }));

  // proves run-workflows#reportComplete
  it("that has told its end itself does not tell it again", () =>
    watch("told", async (instance) => {
      const stub = office();
      await send(stub, "told", { do: "complete", value: "early" });
      await instance.waitForStatus("complete");
      expect(await notesOf(stub)).toEqual([["complete", ["ERRAND", "told", "early"]]]);
    }));

  // proves run-workflows#reportError, guide-human-in-the-loop#reportError
  it("that has told an error and throws does not tell it again", () =>
    watch("told-error", async (instance) => {
      const stub = office();
      await send(stub, "told-error", { do: "error", value: "told" }, { do: "throw", message: "thrown" });
      await instance.waitForStatus("errored");
      expect(await notesOf(stub)).toEqual([["error", ["ERRAND", "told-error", "told"]]]);
    }));
});
