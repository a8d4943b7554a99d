import { env } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { approvalsOf, type ApprovalChoice } from "../approvals";
import { errorOf, evict, killAll } from "../test/kit";
import { type OfficeStub, eventually, infoOf, notesOf, office, send, watch, within } from "../test/workflows-kit";
import type { WaitForApprovalOptions } from "./types";

afterEach(() => vi.restoreAllMocks());

const approval = (options?: WaitForApprovalOptions) => ({ do: "approve", ...(options && { options }) }) as const;
const pendingOf = (stub: OfficeStub) => within(stub, (agent) => approvalsOf(agent).list({ status: "pending" }));
/** The workflow has asked for so many approvals that nobody has decided. */
const asked = (stub: OfficeStub, count = 1) =>
  eventually(async () => {
    const pending = await pendingOf(stub);
    expect(pending.length).toBe(count);
    return pending;
  });
const decide = (stub: OfficeStub, id: string, choice: ApprovalChoice) =>
  within(stub, (agent) => approvalsOf(agent).decide(id, choice));
const auditOf = (stub: OfficeStub, id: string) =>
  within(stub, (agent) =>
    approvalsOf(agent)
      .audit(id)
      .map(({ event, by }) => [event, by])
  );

describe("[F7] a workflow that waits for approval", () => {
  // proves run-workflows#waitForApproval, run-workflows#approveWorkflow, run-workflows#status-waiting
  // proves agents-api#waitForApproval, guide-human-in-the-loop#waitForApproval
  // proves guide-human-in-the-loop#approveWorkflow, guide-human-in-the-loop#getWorkflow
  // proves human-in-the-loop#waitForApproval, human-in-the-loop#approveWorkflow, human-in-the-loop#workflow-pauses
  // proves human-in-the-loop#workflow-resumes, concept-workflows#event-persistence
  it("is waiting, its request can be listed, and it goes on with what approves it", () =>
    watch("approved", async (instance) => {
      const stub = office();
      await send(
        stub,
        "approved",
        approval({ timeout: "7 days", subject: "trip", args: { to: "Rome" }, requestedBy: "eve" })
      );
      const [request] = await asked(stub);
      expect(request).toMatchObject({ source: "workflow", subject: "trip", args: { to: "Rome" }, requestedBy: "eve" });
      expect(Math.round((request!.expiresMs! - request!.createdMs) / 86_400_000)).toBe(7);
      expect(await infoOf(stub, "approved")).toMatchObject({ status: "waiting" });
      expect(await stub.getWorkflowStatus("ERRAND", "approved")).toMatchObject({ status: "waiting" });
      await evict(stub);
      await stub.approveWorkflow("approved", { reason: "fine", by: "ada", metadata: { approvedBy: "ada", limit: 7 } });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ approvedBy: "ada", limit: 7 }]);
      expect(await auditOf(stub, request!.id)).toEqual([
        ["requested", "eve"],
        ["approved", "ada"]
      ]);
    }));

  // proves run-workflows#waitForApproval-rejected, run-workflows#rejectWorkflow
  // proves guide-human-in-the-loop#rejectWorkflow, human-in-the-loop#rejectWorkflow
  // proves human-in-the-loop#workflow-rejected
  it("throws what says why, when it is rejected", () =>
    watch("rejected", async (instance) => {
      const stub = office();
      await send(stub, "rejected", approval());
      await asked(stub);
      await stub.rejectWorkflow("rejected", { reason: "too late" });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ rejected: "too late" }]);
    }));

  it("has its parameters as what is asked for, and who decided as what it gets, where nobody says anything else", () =>
    watch("defaults", async (instance) => {
      const stub = office();
      await send(stub, "defaults", approval());
      const [request] = await asked(stub);
      expect(request).toMatchObject({ subject: "ERRAND", args: { errands: [{ do: "approve" }] } });
      await decide(stub, request!.id, { approved: true, by: "ada", comment: "good" });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ approvedBy: "ada", reason: "good" }]);
    }));

  // proves guide-human-in-the-loop#multi-approver-workflow
  it("takes several people where it says so, each of them once", () =>
    watch("quorum", async (instance) => {
      const stub = office();
      await send(stub, "quorum", approval({ quorum: 2 }));
      await asked(stub);
      await stub.approveWorkflow("quorum", { by: "ada", metadata: { level: 1 } });
      await stub.approveWorkflow("quorum", { by: "ada" });
      expect(await infoOf(stub, "quorum")).toMatchObject({ status: "waiting" });
      await stub.approveWorkflow("quorum", { by: "bob", metadata: { level: 2 } });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ level: 2, approvers: ["ada", "bob"] }]);
    }));

  it("needs whoever decides to have the right that it asks for", () =>
    watch("scoped", async (instance) => {
      const stub = office();
      await send(stub, "scoped", approval({ scope: "billing" }));
      await asked(stub);
      expect(await errorOf(() => stub.approveWorkflow("scoped"))).toMatchObject({ code: "APPROVAL_FORBIDDEN" });
      await stub.approveWorkflow("scoped", { by: "ada", rights: ["billing"] });
      await instance.waitForStatus("complete");
    }));

  it("goes on with nothing when the time is over, and the request has gone with it", () =>
    watch("expired", async (instance) => {
      await instance.modify((modifier) => modifier.forceEventTimeout({ name: "wait for approval" }));
      const stub = office();
      await send(stub, "expired", approval({ timeout: "1 hour" }));
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual(["time is over"]);
      expect(await pendingOf(stub)).toEqual([]);
    }));

  // proves run-workflows#waitForApproval-timeout, guide-human-in-the-loop#approval-timeout
  it("goes on when its request has expired in the agent", () =>
    watch("overdue", async (instance) => {
      const stub = office();
      await send(stub, "overdue", approval({ timeout: 700 }));
      await asked(stub);
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual(["time is over"]);
      const [request] = await within(stub, (agent) => approvalsOf(agent).list());
      expect(request!.status).toBe("expired");
    }));

  it("is rejected when its request is taken back", () =>
    watch("cancelled", async (instance) => {
      const stub = office();
      await send(stub, "cancelled", approval());
      const [request] = await asked(stub);
      await within(stub, (agent) => approvalsOf(agent).cancel(request!.id, { comment: "not needed" }));
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ rejected: "not needed" }]);
    }));

  it("finds a decision that came before it asked, once", () =>
    watch("early", async (instance) => {
      const stub = office();
      const events: string[] = [];
      await within(stub, (agent) => {
        agent.observability = { emit: ({ type }) => void events.push(type) };
      });
      await send(stub, "early", { do: "await", type: "go" }, approval(), approval());
      await stub.approveWorkflow("early", { metadata: { early: true } });
      await stub.approveWorkflow("early", { metadata: { early: true } });
      await stub.sendWorkflowEvent("ERRAND", "early", { type: "go", payload: 1 });
      // The second approval is nobody's yet.
      await eventually(async () => expect((await infoOf(stub, "early"))!.status).toBe("waiting"));
      await stub.rejectWorkflow("early");
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([1, { early: true }, { rejected: null }]);
      const decisions = events.filter((type) => /^workflow:(approved|rejected)$/.test(type));
      expect(decisions).toEqual(["workflow:approved", "workflow:approved", "workflow:rejected"]);
    }));

  it("takes the documented event of whoever sends it by hand", () =>
    watch("by-hand", async (instance) => {
      const stub = office();
      await send(stub, "by-hand", approval({ eventType: "signed" }));
      const [request] = await asked(stub);
      const signed = { approved: true, metadata: { approvedBy: "pen" } };
      await (await env.ERRAND.get("by-hand")).sendEvent({ type: "signed", payload: "what?" });
      await (await env.ERRAND.get("by-hand")).sendEvent({ type: "signed", payload: signed });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ approvedBy: "pen" }]);
      expect(await auditOf(stub, request!.id)).toEqual([
        ["requested", undefined],
        ["approved", "program"]
      ]);
    }));

  it("does not take a decision about another wait, also where both are named alike", () =>
    watch("alike", async (instance) => {
      const stub = office();
      await send(stub, "alike", approval({ eventType: "signed" }), approval({ eventType: "signed" }));
      await asked(stub);
      await stub.approveWorkflow("alike", { metadata: { n: 1 } });
      await asked(stub);
      // As when it was sent again, since nobody had heard that it came.
      await (await env.ERRAND.get("alike")).sendEvent({ type: "signed", payload: { approved: true, approval: 1 } });
      await instance.waitForStepResult({ name: "wait for approval: decide", index: 2 });
      expect(await infoOf(stub, "alike")).toMatchObject({ status: "waiting" });
      await stub.approveWorkflow("alike", { metadata: { n: 2 } });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ n: 1 }, { n: 2 }]);
    }));

  it("for several at once gets each by its id", () =>
    watch("several", async (instance) => {
      const stub = office();
      await send(stub, "several", { do: "together", options: [{ subject: "a" }, { subject: "b" }] });
      const pending = await asked(stub, 2);
      const idOf = (subject: string) => pending.find((request) => request.subject === subject)!.id;
      expect(await errorOf(() => stub.approveWorkflow("several"))).toMatchObject({ code: "WORKFLOW_INVALID" });
      await stub.rejectWorkflow("several", { approvalId: idOf("b") });
      expect(await infoOf(stub, "several")).toMatchObject({ status: "waiting" });
      await stub.approveWorkflow("several", { metadata: { which: "a" } });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([[{ which: "a" }, { rejected: null }]]);
    }));

  it("hears of a decision whose agent was killed before it could say so", () =>
    watch("unheard", async (instance) => {
      const stub = office("unheard");
      await send(stub, "unheard", approval());
      const [request] = await asked(stub);
      const lost = vi
        .spyOn(Object.getPrototypeOf(env.ERRAND) as Workflow, "get")
        .mockImplementation(() => new Promise(() => {}));
      await decide(stub, request!.id, { approved: true, by: "ada" });
      await killAll();
      lost.mockRestore();
      const again = office("unheard");
      await within(again, (agent) => approvalsOf(agent).redeliver(request!.id));
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ approvedBy: "ada" }]);
    }));

  it("is approved once: what comes late is the same, or refused", () =>
    watch("once", async (instance) => {
      const stub = office();
      expect(await errorOf(() => stub.approveWorkflow("once"))).toMatchObject({ code: "WORKFLOW_UNKNOWN" });
      await send(stub, "once", approval());
      await asked(stub);
      await stub.approveWorkflow("once", { metadata: { n: 1 } });
      await stub.approveWorkflow("once", { metadata: { n: 2 } });
      expect(await errorOf(() => stub.rejectWorkflow("once"))).toMatchObject({ code: "WORKFLOW_NOT_WAITING" });
      await instance.waitForStatus("complete");
      expect(await instance.getOutput()).toEqual([{ n: 1 }]);
      expect((await notesOf(stub)).length).toBe(1);
    }));
});
