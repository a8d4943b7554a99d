import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { workflowsPort } from "../durable-work";
import { evict, errorOf } from "../test/kit";
import { Office } from "../test/workflow-agents";
import { type OfficeStub, eventually, infoOf, notesOf, office, send, watch, within } from "../test/workflows-kit";
import { trackWorkflows } from "../workflows";
import type { WorkflowQueryCriteria } from "./types";

/** Rows as they are after some work, without the work. */
const track = (stub: OfficeStub, rows: [id: string, status: string, createdAt: number, metadata?: object][]) =>
  within(stub, (agent) => {
    // Makes the tables.
    agent.deleteWorkflows({ status: "unknown" });
    agent.migrateWorkflowBinding("none", "ERRAND");
    for (const [id, status, createdAt, metadata] of rows) {
      agent.sql`INSERT INTO cf_agents_workflows (id, workflow_id, workflow_name, status, metadata, created_at)
                VALUES (${id}, ${id}, 'ERRAND', ${status}, ${metadata ? JSON.stringify(metadata) : null}, ${createdAt})`;
    }
  });
const idsOf = (stub: OfficeStub, criteria: WorkflowQueryCriteria) =>
  within(stub, (agent) => agent.getWorkflows(criteria).workflows.map(({ instanceId }) => instanceId));
const tracked = async () => {
  const stub = office();
  await watch("seed", async (instance) => {
    await send(stub, "seed");
    await instance.waitForStatus("complete");
    await within(stub, (agent) => agent.deleteWorkflow("seed"));
  });
  await track(stub, [
    ["a", "running", 100, { user: "ada", level: 1 }],
    ["b", "complete", 200, { user: "ada", level: true }],
    ["c", "errored", 200, { user: "bob", "a.b": null }],
    ["d", "terminated", 300]
  ]);
  return stub;
};

describe("[F2] tracked workflows", () => {
  // proves run-workflows#getWorkflows-status, run-workflows#getWorkflows-metadata
  it.each<[criteria: WorkflowQueryCriteria, ids: string]>([
    [{}, "dcba"],
    [{ orderBy: "asc" }, "abcd"],
    [{ status: "running" }, "a"],
    [{ status: ["complete", "errored"] }, "cb"],
    [{ metadata: { user: "ada" } }, "ba"],
    [{ metadata: { user: "ada", level: 1 } }, "a"],
    [{ metadata: { level: true } }, "b"],
    [{ metadata: { "a.b": null } }, "c"],
    [{ metadata: { user: "eve" } }, ""],
    [{ workflowName: "ERRAND", createdAfter: new Date(100_000) }, "dcb"],
    [{ workflowName: "OTHER" }, ""],
    [{ createdBefore: new Date(200_000) }, "a"],
    [{ limit: 2 }, "dc"]
  ])("are found by %j", async (criteria, ids) => {
    expect((await idsOf(await tracked(), criteria)).join("")).toBe(ids);
  });

  it("are what inspect() tells of them: neither metadata nor what they are about; nothing of an agent without any", async () => {
    const { workflows } = await within(await tracked(), (agent) => agent.inspect());
    expect(workflows?.total).toBe(4);
    expect(workflows?.first[0]).toEqual({
      id: "d",
      workflowName: "ERRAND",
      status: "terminated",
      createdMs: 300_000,
      updatedMs: expect.any(Number) as number,
      error: null
    });
    expect(await within(office(), (agent) => agent.inspect())).not.toHaveProperty("workflows");
  });

  // proves run-workflows#getWorkflows, run-workflows#getWorkflows-cursor, run-workflows#nextCursor
  it.each(["asc", "desc"] as const)("come in pages, %s, with what came meanwhile left out or last", async (orderBy) => {
    const stub = await tracked();
    const pages = await within(stub, (agent) => {
      const first = agent.getWorkflows({ limit: 3, orderBy });
      agent.deleteWorkflow("a");
      return [first, agent.getWorkflows({ limit: 3, orderBy, cursor: first.nextCursor! })];
    });
    const summary = pages.map(({ workflows, total, nextCursor }) => [
      workflows.map(({ instanceId }) => instanceId).join(""),
      total,
      nextCursor === null
    ]);
    expect(summary).toEqual(
      orderBy === "asc"
        ? [
            ["abc", 4, false],
            ["d", 3, true]
          ]
        : [
            ["dcb", 4, false],
            ["", 3, true]
          ]
    );
  });

  it.each([{ limit: 0 }, { limit: 1.5 }, { cursor: "?" }, { orderBy: "up" }, { metadata: { 'a"': 1 } }])(
    "are not found by %j",
    async (criteria) => {
      const stub = await tracked();
      const error = await errorOf(() => idsOf(stub, criteria as WorkflowQueryCriteria));
      expect(error).toMatchObject({ code: "WORKFLOW_INVALID" });
    }
  );

  // proves run-workflows#getWorkflows-limit
  it("come 50 at once, or as many as are asked for, and never more than 100", async () => {
    const stub = await tracked();
    await within(stub, (agent) => {
      for (let n = 0; n < 100; n++) {
        agent.sql`INSERT INTO cf_agents_workflows (id, workflow_id, workflow_name, status)
                  VALUES (${`n${n}`}, ${`n${n}`}, 'ERRAND', 'complete')`;
      }
    });
    const counts = [undefined, 7, 1_000].map((limit) => idsOf(stub, limit === undefined ? {} : { limit }));
    expect((await Promise.all(counts)).map(({ length }) => length)).toEqual([50, 7, 100]);
  });

  // proves run-workflows#deleteWorkflow, run-workflows#deleteWorkflows
  it("are deleted one by one, and by the same criteria", async () => {
    const stub = await tracked();
    const done = await within(stub, (agent) => [
      agent.deleteWorkflow("b"),
      agent.deleteWorkflow("b"),
      agent.deleteWorkflows({ status: ["errored", "terminated"], createdBefore: new Date(250_000) }),
      agent.deleteWorkflows()
    ]);
    expect(done).toEqual([true, false, 1, 2]);
  });

  it("are there after an eviction, and none where there was none", async () => {
    const stub = await tracked();
    await evict(stub);
    expect((await idsOf(stub, {})).length).toBe(4);
    const empty = office();
    await empty.notes();
    expect(
      await within(empty, (agent) => [agent.getWorkflows(), agent.getWorkflow("a"), agent.deleteWorkflow("a")])
    ).toEqual([{ workflows: [], total: 0, nextCursor: null }, undefined, false]);
  });

  // proves run-workflows#migrateWorkflowBinding
  it("have the name that their binding has now", () =>
    watch("renamed", async (instance) => {
      const stub = office();
      await send(stub, "renamed", { do: "await", type: "go" }, { do: "progress", progress: { step: "b" } });
      expect(await within(stub, (agent) => agent.migrateWorkflowBinding("ERRAND", "ERRAND_RENAMED"))).toBe(1);
      expect(await infoOf(stub, "renamed")).toMatchObject({ workflowName: "ERRAND_RENAMED" });
      await stub.sendWorkflowEvent("ERRAND", "renamed", { type: "go", payload: null });
      await instance.waitForStatus("complete");
      expect((await notesOf(stub))[0]).toEqual(["progress", ["ERRAND_RENAMED", "renamed", { step: "b" }, true]]);
      const error = await errorOf(() =>
        within(stub, (agent) => void agent.migrateWorkflowBinding("ERRAND", "NOWHERE"))
      );
      expect(error).toMatchObject({ code: "WORKFLOW_UNKNOWN" });
    }));
});

describe("[F2] what an older release has tracked", () => {
  const older = `CREATE TABLE cf_agents_workflows (
    id TEXT PRIMARY KEY NOT NULL, workflow_id TEXT NOT NULL UNIQUE, workflow_name TEXT NOT NULL,
    status TEXT NOT NULL CHECK(status IN ('queued', 'running', 'paused', 'errored', 'terminated', 'complete', 'waiting',
      'waitingForPause', 'unknown')),
    metadata TEXT, error_name TEXT, error_message TEXT, created_at INTEGER NOT NULL DEFAULT (unixepoch()),
    updated_at INTEGER NOT NULL DEFAULT (unixepoch()), completed_at INTEGER)`;

  it("is found, and looked at when it is still running", () =>
    watch(
      "older",
      async (instance) => {
        const stub = office();
        await env.PLAIN.create({ id: "older", params: {} });
        await (await env.PLAIN.get("older")).sendEvent({ type: "approval", payload: null });
        await instance.waitForStatus("complete");
        await within(stub, (_, storage) => {
          // The instance is as old as its table.
          void storage.deleteAll();
          storage.sql.exec(older);
          storage.sql.exec(
            `INSERT INTO cf_agents_workflows (id, workflow_id, workflow_name, status, metadata, error_name, error_message)
             VALUES ('1', 'older', 'PLAIN', 'running', '{"a":1}', NULL, NULL), ('2', 'failed', 'PLAIN', 'errored', NULL, 'E', 'why')`
          );
        });
        await evict(stub);
        expect(await infoOf(stub, "older")).toMatchObject({ status: "running", metadata: { a: 1 }, error: null });
        expect(await infoOf(stub, "failed")).toMatchObject({ error: { name: "E", message: "why" } });
        await eventually(async () => expect(await infoOf(stub, "older")).toMatchObject({ status: "complete" }));
        expect(await notesOf(stub)).toEqual([["complete", ["PLAIN", "older", "plainly done"]]]);
      },
      env.PLAIN
    ));
});

describe("[F3] a workflow is not started", () => {
  it.each<[what: string, start: (stub: OfficeStub) => Promise<string>, code: string, text: string]>([
    [
      "by a name without a binding",
      (stub) => stub.runWorkflow("ERRANDS", {}),
      "WORKFLOW_UNKNOWN",
      "There are: ERRAND, ERRAND_RENAMED, PLAIN."
    ],
    [
      "by the name of another binding",
      (stub) => stub.runWorkflow("OFFICE", {}),
      "WORKFLOW_UNKNOWN",
      '"binding": "OFFICE"'
    ],
    ["with a bad id", (stub) => stub.runWorkflow("ERRAND", {}, { id: "a b" }), "WORKFLOW_INVALID", "1 to 100 letters"],
    [
      "with metadata that is no JSON",
      (stub) => within(stub, (agent) => agent.runWorkflow("ERRAND", {}, { metadata: { n: 1n } })),
      "WORKFLOW_INVALID",
      "written as JSON"
    ],
    [
      "with parameters that are no object",
      (stub) => stub.runWorkflow("ERRAND", [1]),
      "WORKFLOW_INVALID",
      "{ taskId: 7 }"
    ]
  ])("%s", async (_, start, code, text) => {
    const stub = office();
    const error = await errorOf(() => start(stub));
    expect(error).toMatchObject({ code });
    expect(error.message).toContain(text);
    expect(await idsOf(stub, {})).toEqual([]);
  });

  it("with an id that is taken, here or elsewhere, and nothing is left of it", () =>
    watch("taken", async (instance) => {
      const [stub, other] = [office(), office()];
      await send(stub, "taken", { do: "await", type: "go" });
      expect(await errorOf(() => send(stub, "taken"))).toMatchObject({ code: "WORKFLOW_EXISTS" });
      expect(await errorOf(() => send(other, "taken"))).toMatchObject({ code: "WORKFLOW_EXISTS" });
      expect([await idsOf(stub, {}), await idsOf(other, {})]).toEqual([["taken"], []]);
      expect(await within(other, (agent) => agent.whyAwake().alarm)).toEqual([]);
      await stub.terminateWorkflow("taken");
      await instance.waitForStatus("terminated");
    }));

  it("by an agent whose Worker knows no workflows, and says what to call", async () => {
    const { of } = workflowsPort;
    try {
      delete workflowsPort.of;
      expect((await errorOf(() => office().runWorkflow("ERRAND", {}))).message).toContain("trackWorkflows()");
      trackWorkflows();
      expect(await idsOf(office(), {})).toEqual([]);
    } finally {
      workflowsPort.of = of!;
    }
  });

  it("without its agent, and says how to", () =>
    watch("orphan", async (instance) => {
      await env.ERRAND.create({ id: "orphan", params: { errands: [] } });
      await instance.waitForStatus("errored");
      expect((await instance.getError()).message).toContain("this.runWorkflow(...)");
    }));

  // proves run-workflows#runWorkflow-agentBinding
  it("with a binding that does not lead to its agent, and the agent is told when it looks", () =>
    watch("lost", async (instance) => {
      const stub = office();
      await stub.runWorkflow("ERRAND", { errands: [] }, { id: "lost", agentBinding: "Nowhere" });
      await instance.waitForStatus("errored");
      expect(await stub.getWorkflowStatus("ERRAND", "lost")).toMatchObject({ status: "errored" });
      const [note] = await notesOf(stub);
      expect(note).toEqual([
        "error",
        ["ERRAND", "lost", expect.stringContaining('no Durable Object binding "Nowhere"')]
      ]);
      expect(await infoOf(stub, "lost")).toMatchObject({ status: "errored" });
    }));

  // proves run-workflows#runWorkflow-id, run-workflows#runWorkflow-metadata
  it("and one that was started has an id, and the metadata that only its agent sees", () =>
    watch("seen", async (instance) => {
      const stub = office();
      const options = { id: "seen", metadata: { userId: "ada" } };
      await stub.runWorkflow("ERRAND", { errands: [{ do: "params" }] }, options);
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([["errands"]]);
      expect(await infoOf(stub, "seen")).toMatchObject({ metadata: { userId: "ada" }, createdAt: expect.any(Date) });
      const id = await stub.runWorkflow("ERRAND", { errands: [] });
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      await watch(id, (other) => other.waitForStatus("complete"));
    }));

  // proves run-workflows#delete-on-complete
  it("and one may be deleted as soon as it is done", () =>
    watch("deleted", async (instance) => {
      const stub = office("deleted");
      Office.afterwards.set("deleted", ({ type, instanceId }, agent) => {
        if (type === "complete") agent.deleteWorkflow(instanceId);
      });
      await send(stub, "deleted", { do: "complete", value: 1 }, { do: "progress", progress: {} });
      await instance.waitForStatus("complete");
      expect(await infoOf(stub, "deleted")).toBeUndefined();
    }));

  // proves run-workflows#status-queued
  it("and a workflow that knows nothing of agents is tracked as well", () =>
    watch(
      "plain",
      async (instance) => {
        const stub = office();
        await stub.runWorkflow("PLAIN", { fails: true }, { id: "plain" });
        // Until it is heard of, or asked for.
        expect(await infoOf(stub, "plain")).toMatchObject({ status: "queued" });
        await stub.approveWorkflow("plain");
        await instance.waitForStatus("errored");
        expect(await stub.getWorkflowStatus("PLAIN", "plain")).toMatchObject({ status: "errored", output: null });
        expect(await notesOf(stub)).toEqual([["error", ["PLAIN", "plain", "plainly failed"]]]);
      },
      env.PLAIN
    ));
});
