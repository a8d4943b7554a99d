import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connect, costOf, evict, killAll, makeDue, type Cost, type TestConnection } from "../../../agents/src/test/kit";
import { ask, doneOf, payer, rows, stored, talker, user } from "../test/chat-kit";
import { accepted, append, delta, done, extended, operation, refused } from "../test/extended-kit";
import { Payer } from "../test/payer";
import { asked, calls, callsIn, decision, goneOn, statuses, type Call, type Stub } from "../test/payer-kit";

afterEach(() => {
  vi.useRealTimers();
  Payer.rules.clear();
});

const http = (stub: Stub, id: string, body: object) =>
  stub.fetch(
    new Request(`http://test/agents/payer/name/approvals/${id}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    })
  );

const spoken = [
  { type: "start" },
  { type: "tool-input-available", toolCallId: "p1", toolName: "pay", input: {} },
  { type: "tool-approval-request", toolCallId: "p1", approvalId: "a1" }
];

describe("a call that waits", () => {
  it("is a row as soon as the answer is stored, which says where it is", async () => {
    const { stub, waiting } = await asked("row", "pay 5 7");
    const [, answer] = await stored(stub);
    const [turn] = await stub.getTurns();
    const of = (n: number) => ({
      id: waiting[n]!.approval.id,
      subject: "pay",
      status: "pending",
      args: waiting[n]!.input,
      context: { toolCallId: waiting[n]!.toolCallId, messageId: answer!.id, turnId: turn!.id }
    });
    expect(waiting.map(({ state }) => state)).toEqual(["approval-requested", "approval-requested"]);
    expect(await stub.asked()).toEqual([of(0), of(1)]);
    expect(await stub.trail(waiting[0]!.approval.id)).toEqual(["requested"]);
  });

  it("costs an agent nothing whose tools need no approval", async () => {
    const stub = payer("free");
    const [a] = await extended(stub);
    a.send(append("r1", "u1", "count 1"));
    await done(a, "r1");
    const { statements } = await costOf(stub, async () => {
      a.send(append("r2", "u2", "count 2"));
      await done(a, "r2");
      a.send(operation("r3", "regenerate"));
      await done(a, "r3");
      a.send(operation("r4", "delete", { messageId: "u2" }));
      await accepted(a, "r4");
      a.send(operation("r5", "clear"));
      await accepted(a, "r5");
    });
    expect(statements.filter((text) => text.includes("approval"))).toEqual([]);
    expect(await rows(stub, "SELECT name FROM sqlite_master WHERE name LIKE '%approval%'")).toEqual([]);
  });

  it("costs 5 statements to ask, and 6 to decide and go on", async () => {
    const { stub, a } = await asked("cost");
    a.send(decision("c1-5", true));
    await goneOn(a);
    const askingFor = await costOf(stub, async () => {
      a.send(append("r2", "u2", "pay 7"));
      await done(a, "r2");
    });
    const deciding = await costOf(stub, async () => {
      a.send(decision("c2-7", true));
      await goneOn(a);
    });
    const about = ({ statements }: Cost) => statements.filter((text) => text.includes("_approval")).length;
    expect([about(askingFor), about(deciding)]).toEqual([5, 6]);
  });

  it("takes a decision that comes while it is being said", async () => {
    const stub = talker("approved early");
    const [a] = await extended(stub);
    a.send(append("r1", "u1", "script"));
    await stub.say(...spoken);
    await a.next((frame) => String(frame.body).includes("approvalId"));
    a.send(decision("p1", true, { autoContinue: false }));
    a.send(decision("p1", false));
    await stub.sayEnd();
    await accepted(a, "p1");
    expect(await refused(a, "p1")).toMatchObject({ code: "APPROVAL_DECIDED" });
    expect(callsIn(await stored(stub))).toMatchObject([{ state: "approval-responded" }]);
    expect(await rows(stub, "SELECT id, decision FROM cf_agents_approvals")).toEqual([
      { id: "a1", decision: "approved" }
    ]);
  });

  it("is not asked about when the answer is stopped", async () => {
    const stub = talker("stopped before approval");
    const [a] = await extended(stub);
    a.send(append("r1", "u1", "script"));
    await stub.say(...spoken);
    await a.next((frame) => String(frame.body).includes("approvalId"));
    a.send({ type: "cf_agent_chat_request_cancel", id: "r1" });
    await done(a, "r1");
    expect(callsIn(await stored(stub))).toMatchObject([{ state: "output-denied", approval: { approved: false } }]);
    expect(await rows(stub, "SELECT name FROM sqlite_master WHERE name = 'cf_agents_approvals'")).toEqual([]);
  });

  it("is asked about when an older release has stored it", async () => {
    const { stub, a, call } = await asked("older");
    await rows(stub, "DELETE FROM cf_agents_approvals");
    a.send(decision("c1-5", true));
    await goneOn(a);
    expect([await stub.paid(), await statuses(stub)]).toEqual([[5], ["approved"]]);
    await rows(stub, "DELETE FROM cf_agents_approvals");
    a.send(decision("c1-5", true));
    await accepted(a, "c1-5");
    a.send(decision("c1-5", false));
    expect(await refused(a, "c1-5")).toMatchObject({ code: "APPROVAL_DECIDED" });
    expect(call).toMatchObject({ input: { amount: 5 } });
  });

  it("is denied when nobody knows who may decide, and the error is reported", async () => {
    Payer.rules.set("lost", () => {
      throw new Error("no rules today");
    });
    const { stub, a, call } = await asked("lost");
    expect(call).toMatchObject({ state: "output-denied", approval: { approved: false } });
    expect([await stub.reported(), await stub.paid()]).toEqual([["Error: no rules today"], []]);
    await stub.idle();
    expect(await stub.told()).toEqual(["pay 5", "Nobody could be asked for approval."]);
    // A model that does not stop calling is not asked for ever.
    a.send(append("r2", "u2", `pay ${Array.from({ length: 21 }, (_, n) => n).join(" ")}`));
    await done(a, "r2");
    await stub.idle();
    expect(await stub.told()).toHaveLength(3);
  });
});

type Way = (stub: Stub, a: TestConnection, call: Call, approved: boolean, comment?: string) => unknown;
const ways: [string, string, Way][] = [
  ["a client", "bea", (_, b, call, approved, comment) => b.send(decision(call.toolCallId, approved, { comment }))],
  [
    "a call of a client",
    "caller",
    (_, b, call, approved, comment) => b.call("decide", call.approval.id, { approved, comment })
  ],
  [
    "a request over HTTP",
    "http",
    (stub, _, call, approved, comment) => http(stub, call.approval.id, { approved, comment })
  ],
  [
    "the program",
    "caller",
    (stub, _, call, approved, comment) => stub.decide(call.approval.id, { approved, ...(comment && { comment }) })
  ]
];

describe.each(ways)("decided by %s", (way, by, decide) => {
  it("approved, it runs once, everybody is told, and the trail knows who it was", async () => {
    const { stub, a, b, call } = await asked(`yes ${way}`, "pay 5", { scope: "billing" });
    await decide(stub, b, call, true, "cheap");
    const told = await delta(a);
    expect(callsIn(told.upsert.map(({ message }) => message))).toMatchObject([
      { state: "approval-responded", approval: { approved: true, reason: "cheap" } }
    ]);
    await goneOn(a);
    expect([await stub.paid(), await stub.told()]).toEqual([[5], ["pay 5", "paid 5"]]);
    expect(await calls(stub)).toMatchObject([{ state: "output-available", output: "paid 5" }]);
    expect(await stub.trail(call.approval.id)).toEqual(["requested", `approved ${by} cheap`]);
    expect(await stub.getTurns()).toHaveLength(2);
  });

  it("denied, it does not run, and the model is told why", async () => {
    const { stub, a, b, call } = await asked(`no ${way}`, "pay 5");
    await decide(stub, b, call, false, "too dear");
    await goneOn(a);
    expect([await stub.paid(), await stub.told()]).toEqual([[], ["pay 5", "too dear"]]);
    expect(await calls(stub)).toMatchObject([
      { state: "output-denied", approval: { approved: false, reason: "too dear" } }
    ]);
    expect(await stub.trail(call.approval.id)).toEqual(["requested", `rejected ${by} too dear`]);
  });

  it.each([
    ["asleep", evict],
    ["killed", () => killAll()]
  ])("while the agent is %s, and no client is there", async (state, end) => {
    const name = `${state} ${way}`;
    const { stub, call } = await asked(name);
    await end(stub);
    const [b] = way.includes("client") ? await extended(payer(name), "c&user=bea") : [undefined];
    await decide(payer(name), b!, call, true);
    if (b) await goneOn(b);
    await payer(name).idle();
    expect([await payer(name).paid(), await payer(name).told()]).toEqual([[5], ["pay 5", "paid 5"]]);
  });

  it("goes on once, when all are decided", async () => {
    const {
      stub,
      a,
      b,
      waiting: [first, second]
    } = await asked(`two ${way}`, "pay 5 7");
    await decide(stub, b, second!, false);
    await delta(a);
    expect(await stub.told()).toEqual(["pay 5 7"]);
    await stub.decide(first!.approval.id, { approved: true });
    await goneOn(a);
    expect((await stub.told()).length).toBe(2);
    expect([await stub.paid(), await statuses(stub)]).toEqual([[5], ["approved", "rejected"]]);
  });
});

describe("a second decision", () => {
  it("that is the same changes nothing, and one that is not is refused", async () => {
    const { stub, a, b, call } = await asked("again");
    a.send(decision("c1-5", true));
    expect(await accepted(a, "c1-5")).toHaveProperty("turnId");
    await goneOn(a);
    const before = await stored(stub);
    b.send(decision("c1-5", true));
    expect(await accepted(b, "c1-5")).not.toHaveProperty("turnId");
    b.send(decision("c1-5", false));
    expect(await refused(b, "c1-5")).toMatchObject({ code: "APPROVAL_DECIDED", message: "This was approved already" });
    expect(await b.call("decide", call.approval.id, { approved: false })).toMatchObject({ code: "APPROVAL_DECIDED" });
    expect([await stored(stub), await stub.paid()]).toEqual([before, [5]]);
  });

  it("of a documented client is ignored", async () => {
    const { stub } = await asked("documented");
    const [a, b] = [await connect(stub, "_pk=c"), await connect(stub, "_pk=d")];
    a.send(decision("c1-5", false));
    await doneOf(a);
    b.send(decision("c1-5", true));
    expect((await b.settled()).map((frame) => (frame as { type: string }).type)).not.toContain("cf_agent_chat_refused");
    expect(await stub.paid()).toEqual([]);
  });

  it("of two at a time is the one that counts not", async () => {
    const { stub, a, b } = await asked("race");
    a.send(decision("c1-5", true));
    b.send(decision("c1-5", false));
    expect(await refused(b, "c1-5")).toMatchObject({ code: "APPROVAL_DECIDED" });
    await goneOn(a);
    expect(await stub.paid()).toEqual([5]);
  });
});

it("is told again of a decision that could not be stored", async () => {
  const { stub, a, call } = await asked("again later");
  await runInDurableObject(stub, (agent) => {
    agent.sanitizeMessageForPersistence = (message) => {
      // From the next message on as it was.
      Reflect.deleteProperty(agent, "sanitizeMessageForPersistence");
      throw new Error(`not now, ${message.role}`);
    };
  });
  expect(await stub.decide(call.approval.id, { approved: true })).toMatchObject({ status: "approved" });
  expect([await calls(stub), await stub.reported()]).toEqual([[call], ["Error: not now, assistant"]]);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 6_000 });
  await runDurableObjectAlarm(stub);
  await goneOn(a);
  expect(await stub.paid()).toEqual([5]);
});

describe("a call that nobody decides about", () => {
  it("is denied when its time is over, and the conversation goes on", async () => {
    const expiresMs = Date.now() + 3_600_000;
    const { stub, a } = await asked("expires", "pay 5 7", { expiresMs });
    await stub.decide((await calls(stub))[0]!.approval.id, { approved: true });
    vi.useFakeTimers({ toFake: ["Date"], now: expiresMs });
    a.send(decision("c1-7", true));
    expect(await refused(a, "c1-7")).toMatchObject({ code: "APPROVAL_EXPIRED" });
    await makeDue(stub, "approvals");
    await runDurableObjectAlarm(stub);
    await goneOn(a);
    expect((await stub.told()).at(-1)).toBe("Nobody approved the call in time., paid 5");
    expect(await calls(stub)).toMatchObject([{ output: "paid 5" }, { state: "output-denied" }]);
    expect(await statuses(stub)).toEqual(["approved", "expired"]);
  });

  it("is denied when the program takes it back", async () => {
    const { stub, a, call } = await asked("withdrawn");
    await stub.withdraw(call.approval.id);
    await goneOn(a);
    expect((await stub.told()).at(-1)).toBe("The request for approval was taken back.");
  });

  it.each<[string, (a: TestConnection) => void, boolean?]>([
    ["the conversation is cleared", (a) => a.send(operation("r2", "clear"))],
    ["its question is deleted", (a) => a.send(operation("r2", "delete", { messageId: "u1" }))],
    [
      "its question is edited",
      (a) => a.send(operation("r2", "edit", { messageId: "u1", message: user("u2", "hi") as UIMessage }))
    ],
    ["it is answered again", (a) => a.send(operation("r2", "regenerate"))],
    ["something else is said", (a) => a.send(append("r2", "u2", "never mind"))],
    ["it is taken up without a decision", (a) => a.send(operation("r2", "continue"))],
    ["a client sets the list", (a) => a.send({ type: "cf_agent_chat_messages", messages: [] })]
  ])("is taken back when %s", async (what, act) => {
    const { stub, a, call } = await asked(`gone ${what}`);
    act(a);
    await stub.idle();
    const [first] = await stub.asked();
    expect(first).toMatchObject({ id: call.approval.id, status: "cancelled" });
    expect(await stub.trail(call.approval.id)).toEqual(["requested", "cancelled The conversation went on without it."]);
    expect(await a.call("decide", call.approval.id, { approved: true })).toMatchObject({ code: "APPROVAL_DECIDED" });
    expect(await stub.paid()).toEqual([]);
    expect(
      (await calls(stub)).filter(({ approval }) => approval?.id === call.approval.id).map(({ state }) => state)
    ).not.toContain("approval-requested");
  });

  it("is denied when its branch comes back", async () => {
    const { stub, a } = await asked("branch");
    const [, answer] = await stored(stub);
    a.send(operation("r2", "regenerate"));
    await done(a, "r2");
    a.send(operation("r3", "select", { messageId: answer!.id }));
    await accepted(a, "r3");
    expect(await calls(stub)).toMatchObject([{ toolCallId: "c1-5", state: "output-denied" }]);
    expect(await stub.asked()).toMatchObject([{ status: "cancelled" }, { status: "cancelled" }]);
  });

  it("is decided against by a reason that the model is told", async () => {
    const { stub, a, b, call } = await asked("declined");
    const declined = {
      type: "cf_agent_tool_result",
      toolCallId: "c1-5",
      toolName: "pay",
      state: "output-error",
      errorText: "over budget"
    };
    b.send(declined);
    expect(await accepted(b, "c1-5")).not.toHaveProperty("turnId");
    b.send(declined);
    await accepted(b, "c1-5");
    expect(await calls(stub)).toMatchObject([{ state: "output-error", errorText: "over budget" }]);
    expect(await stub.trail(call.approval.id)).toEqual(["requested", "rejected bea over budget"]);
    a.send(append("r2", "u2", "well?"));
    await done(a, "r2");
    expect((await stub.told()).at(-1)).toBe("well?");
  });

  it("waits until it is told to go on, where the client wants that", async () => {
    const { stub, a } = await asked("later");
    a.send(decision("c1-5", true, { autoContinue: false }));
    expect(await accepted(a, "c1-5")).not.toHaveProperty("turnId");
    expect(await stub.paid()).toEqual([]);
    a.send(operation("r2", "continue"));
    await done(a, "r2");
    expect(await stub.paid()).toEqual([5]);
  });
});

it("asks documented clients in the frames that they know", async () => {
  const stub = payer("documented frames");
  const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b")];
  a.send(ask("r1", [user("u1", "pay 5")]));
  await doneOf(a, "r1");
  const [call] = await calls(stub);
  await stub.decide(call!.approval.id, { approved: true });
  for (const client of [a, b]) {
    const { message } = await client.next<{ message: UIMessage }>("cf_agent_message_updated");
    expect(callsIn([message])).toMatchObject([{ state: "approval-responded", approval: { approved: true } }]);
    expect(await doneOf(client)).toMatchObject({ continuation: true });
  }
  expect(await stub.paid()).toEqual([5]);
});
