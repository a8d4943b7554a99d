import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect, cut, evict } from "../../agents/src/test/kit";

// What the page "Human-in-the-loop patterns" shows of agents alone: what waits is state, what was decided is rows.

const expenses = (name: string) => env.Expenses.get(env.Expenses.idFromName(name));

// proves guide-human-in-the-loop#pending-list, guide-human-in-the-loop#decide-by-call
it("shows what waits for a decision to everybody, and takes the decision by a call", async () => {
  const [a, b] = [await connect(expenses("list"), "_pk=a"), await connect(expenses("list"), "_pk=b")];
  await a.settled();
  await b.settled();
  await a.call("submit", "w1", 20);
  const waiting = { state: { pendingApprovals: [{ workflowId: "w1", amount: 20 }] } };
  expect(await b.next("cf_agent_state")).toMatchObject(waiting);
  await b.call("approve", "w1", "admin");
  expect(await b.settled()).toEqual([]);
  await a.next(({ type, state }) => type === "cf_agent_state" && (state as never)["pendingApprovals"]["length"] === 0);
});

// proves guide-human-in-the-loop#practice-drops
it("keeps what waits when connections and the instance are lost", async () => {
  const a = await connect(expenses("kept"));
  await a.call("submit", "w1", 20);
  await cut(expenses("kept"));
  const again = await connect(expenses("kept"));
  expect(await again.next("cf_agent_state")).toMatchObject({ state: { pendingApprovals: [{ workflowId: "w1" }] } });
});

// proves guide-human-in-the-loop#audit-trail, guide-human-in-the-loop#audit-approve
// proves guide-human-in-the-loop#practice-audit, human-in-the-loop#audit-sql
it("keeps a trail of decisions in a table of its own: of what, by whom, when and why", async () => {
  const stub = expenses("trail");
  const before = Date.now();
  await stub.approve("w1", "ada", "fine");
  await stub.approve("w2", "bob");
  await evict(stub);
  const trail = await runInDurableObject(stub, (agent) => agent.trail());
  expect(trail).toMatchObject([
    { id: 1, workflow_id: "w1", decision: "approved", decided_by: "ada", reason: "fine" },
    { id: 2, workflow_id: "w2", decided_by: "bob", reason: null }
  ]);
  expect(Number(trail[0]!.decided_at)).toBeGreaterThanOrEqual(before);
  const update =
    "INSERT INTO approval_audit (workflow_id, decision, decided_by, decided_at) VALUES ('w', 'maybe', 'x', 1)";
  await runInDurableObject(stub, (_, { storage }) => expect(() => storage.sql.exec(update)).toThrow(/CHECK/));
});

// proves guide-human-in-the-loop#multi-approver, guide-human-in-the-loop#multi-approver-unknown
// proves guide-human-in-the-loop#multi-approver-once
it("needs as many people as are required, each once", async () => {
  const stub = expenses("multi");
  const a = await connect(stub);
  await a.call("submitMulti", "w1", 2);
  const decide = (user: string, id = "w1") => a.call("approveMulti", id, user);
  expect(await decide("ada")).toMatchObject({ success: true, result: false });
  await evict(stub);
  expect(await decide("ada")).toMatchObject({ success: false, error: "Already approved by this user" });
  expect(await decide("bob", "w2")).toMatchObject({ success: false, error: "Approval not found" });
  expect(await decide("bob")).toMatchObject({ success: true, result: true });
});

// proves guide-human-in-the-loop#reminder, guide-human-in-the-loop#timestamp
// proves guide-human-in-the-loop#practice-timeouts, human-in-the-loop#reminder
it("is reminded at a time; a time in milliseconds is taken for what it is: a mistake", async () => {
  const stub = expenses("reminder");
  const a = await connect(stub);
  await a.call("submit", "w1", 20);
  const [schedule] = await runInDurableObject(stub, (agent) => agent.getSchedules());
  expect(schedule).toMatchObject({ type: "scheduled", callback: "sendReminder", payload: { workflowId: "w1" } });
  expect(schedule!.time - Date.now() / 1000).toBeCloseTo(4 * 60 * 60, -2);
  const refused = await a.call("submitWithTimestamp");
  expect(refused).toMatchObject({ success: false, error: expect.stringMatching(/new Date\(/) });
});
