import { describe, expect, it } from "vitest";
import { ApprovalsBench } from "../test/approvals-kit";
import { errorOf, withStorage } from "../test/kit";
import type { AgentErrorCode } from "../protocol/errors";
import type { ApprovalChoice, ApprovalRequest } from "./input";

const withBench = (run: (bench: ApprovalsBench) => void | Promise<void>) =>
  withStorage((storage) => run(new ApprovalsBench(storage)));
const refund = { subject: "refund", args: { order: 7, amount: 20 } };
const yes = { approved: true, by: "ada" };
const no = { approved: false, by: "bob" };
const codeOf = async (run: () => unknown) => (await errorOf(async () => run())).code;

describe("a request", () => {
  // proves human-in-the-loop#request-kept
  it("[A1] is there after an eviction, with all that it was made with", () =>
    withBench((bench) => {
      const request = {
        ...refund,
        id: "r",
        source: "shop",
        scope: "billing",
        requestedBy: "model",
        expiresMs: 2_000_000,
        editable: true,
        context: { call: 1 }
      };
      const asked = bench.approvals.request(request);
      expect(bench.life().get("r")).toEqual(asked);
      expect(asked).toEqual({
        ...request,
        argsHash: expect.stringMatching(/^[0-9a-f]{64}$/),
        createdMs: 1_000_000,
        status: "pending"
      });
    }));

  it("[A1] needs no more than a subject", () =>
    withBench(({ approvals }) => {
      const { id, ...rest } = approvals.request({ subject: "restart" });
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(rest).toMatchObject({ source: "program", args: null, editable: false, status: "pending" });
      expect(Object.keys(rest).sort()).toEqual([
        "args",
        "argsHash",
        "createdMs",
        "editable",
        "source",
        "status",
        "subject"
      ]);
    }));

  it("[A1] made again under its id is the same, whatever the order of its fields, and whatever became of it", () =>
    withBench((bench) => {
      const first = bench.approvals.request({ ...refund, id: "r" });
      const again = { subject: "refund", args: { amount: 20, order: 7 }, id: "r" };
      expect(bench.approvals.request(again)).toEqual(first);
      bench.approvals.decide("r", yes);
      expect(bench.life().request(again)).toMatchObject({ status: "approved", decidedBy: "ada" });
      expect([bench.approvals.list().length, bench.approvals.audit("r").length]).toEqual([1, 2]);
    }));

  it.each<[string, Partial<ApprovalRequest>]>([
    ["other arguments", { args: { order: 8, amount: 20 } }],
    ["another subject", { subject: "pay" }],
    ["another source", { source: "chat" }],
    ["another scope", { scope: "billing" }]
  ])("[A1] with %s under the same id is refused", (_, other) =>
    withBench(async ({ approvals }) => {
      approvals.request({ ...refund, id: "r" });
      expect(await codeOf(() => approvals.request({ ...refund, id: "r", ...other }))).toBe("APPROVAL_CHANGED");
      expect(approvals.get("r")).toMatchObject(refund);
    })
  );

  const circular: unknown[] = [];
  circular.push(circular);
  it.each<[string, object]>([
    ["no subject", { subject: "" }],
    ["a long subject", { subject: "x".repeat(257) }],
    ["an id that is no text", { id: 7 }],
    ["an empty id", { id: "" }],
    ["an empty source", { source: "" }],
    ["a scope that is no text", { scope: ["billing"] }],
    ["a requester that is no text", { requestedBy: {} }],
    ["circular arguments", { args: circular }],
    ["arguments without JSON", { args: () => {} }],
    ["large arguments", { args: "é".repeat(250_000) }],
    ["a large context", { context: "x".repeat(500_000) }],
    ["an end in the past", { expiresMs: 1_000_000 }],
    ["an end that is no number", { expiresMs: "tomorrow" }],
    ["an end that is none", { expiresMs: NaN }],
    ["an endless end", { expiresMs: Infinity }]
  ])("[A16] with %s is refused, and leaves nothing", (_, fields) =>
    withBench(async ({ approvals }) => {
      expect(await codeOf(() => approvals.request({ ...refund, ...(fields as object) }))).toBe("APPROVAL_INVALID");
      expect(approvals.list()).toEqual([]);
    })
  );

  it("[A16] may have 500,000 bytes of arguments, edited ones, and context", () =>
    withBench(({ approvals }) => {
      const large = "x".repeat(499_998);
      approvals.request({ id: "x".repeat(256), subject: "s", args: large, context: large, editable: true });
      const edited = approvals.decide("x".repeat(256), {
        ...yes,
        args: large.replace("x", "y"),
        comment: "c".repeat(10_000)
      });
      expect(edited).toMatchObject({ status: "approved", editedArgs: large.replace("x", "y") });
    }));
});

describe("a decision", () => {
  it.each<[AgentErrorCode, string, object, ApprovalRequest]>([
    ["APPROVAL_INVALID", "without yes or no", { by: "ada" }, refund],
    ["APPROVAL_INVALID", "by nobody", { approved: true }, refund],
    ["APPROVAL_INVALID", "with an empty name", { approved: true, by: "" }, refund],
    ["APPROVAL_INVALID", "with a comment that is no text", { ...yes, comment: 1 }, refund],
    ["APPROVAL_INVALID", "with a long comment", { ...yes, comment: "c".repeat(10_001) }, refund],
    ["APPROVAL_INVALID", "with a grant that makes no sense", { ...yes, grant: 5 }, refund],
    ["APPROVAL_INVALID", "with a grant of the past", { ...yes, grant: { untilMs: 1 } }, refund],
    ["APPROVAL_INVALID", "against it, with a grant", { ...no, grant: true }, refund],
    ["APPROVAL_INVALID", "against it, with other arguments", { ...no, args: 1 }, { ...refund, editable: true }],
    ["APPROVAL_INVALID", "with other arguments where none may be", { ...yes, args: 1 }, refund],
    ["APPROVAL_FORBIDDEN", "without a right", yes, { ...refund, scope: "billing" }],
    ["APPROVAL_FORBIDDEN", "with another right", { ...yes, rights: ["shipping"] }, { ...refund, scope: "billing" }],
    [
      "APPROVAL_FORBIDDEN",
      "with rights that are a text",
      { ...yes, rights: "billing" },
      { ...refund, scope: "billing" }
    ],
    ["APPROVAL_CHANGED", "about other arguments", { ...yes, argsHash: "0".repeat(64) }, refund]
  ])("[A2] is refused with %s: one %s", (code, _, choice, request) =>
    withBench(async (bench) => {
      const { id } = bench.approvals.request(request);
      expect(await codeOf(() => bench.approvals.decide(id, choice as ApprovalChoice))).toBe(code);
      expect([bench.approvals.get(id)?.status, bench.approvals.audit(id).length, bench.approvals.grants()]).toEqual([
        "pending",
        1,
        []
      ]);
    })
  );

  it("[A2] about nothing is refused, in an agent that never asked too", () =>
    withBench(async ({ approvals }) => {
      expect(await codeOf(() => approvals.decide("none", yes))).toBe("APPROVAL_UNKNOWN");
      approvals.request(refund);
      expect(await codeOf(() => approvals.decide("none", yes))).toBe("APPROVAL_UNKNOWN");
    }));

  it("[A2] tells who may not decide nothing else about the request", () =>
    withBench(async ({ approvals }) => {
      const { id } = approvals.request({ ...refund, scope: "billing" });
      approvals.decide(id, { ...yes, rights: ["billing"] });
      expect(await codeOf(() => approvals.decide(id, { ...no, argsHash: "x" }))).toBe("APPROVAL_FORBIDDEN");
    }));

  // proves human-in-the-loop#decisions-kept, human-in-the-loop#audit-who, human-in-the-loop#audit-when
  // proves human-in-the-loop#audit-reason
  it("[A3] is stored with who made it, when and why", () =>
    withBench((bench) => {
      const asked = bench.approvals.request({ ...refund, scope: "billing" });
      bench.nowMs += 5;
      const choice = { ...yes, rights: ["x", "billing"], comment: "fine", argsHash: asked.argsHash };
      const decided = bench.approvals.decide(asked.id, choice);
      expect(decided).toEqual({
        ...asked,
        status: "approved",
        decidedBy: "ada",
        decidedMs: 1_000_005,
        comment: "fine",
        approvedArgs: refund.args
      });
      expect(bench.life().get(asked.id)).toEqual(decided);
    }));

  // proves human-in-the-loop#conflicting
  it("[A3] made again answers with the first, and another one is refused", () =>
    withBench(async (bench) => {
      const { id } = bench.approvals.request({ ...refund, editable: true });
      const first = bench.approvals.decide(id, { ...no, comment: "no" });
      bench.nowMs += 5;
      expect(bench.life().decide(id, { approved: false, by: "eve" })).toEqual(first);
      expect(await codeOf(() => bench.approvals.decide(id, yes))).toBe("APPROVAL_DECIDED");
      expect(await codeOf(() => bench.approvals.cancel(id))).toBe("APPROVAL_DECIDED");
      expect([bench.approvals.get(id), bench.approvals.audit(id).length]).toEqual([first, 2]);
    }));

  it("[A3] with other edits than the first is another one", () =>
    withBench(async ({ approvals }) => {
      const { id } = approvals.request({ ...refund, editable: true });
      const first = approvals.decide(id, { ...yes, args: { order: 7, amount: 10 } });
      expect(approvals.decide(id, { ...yes, args: { order: 7, amount: 10 } })).toEqual(first);
      expect(await codeOf(() => approvals.decide(id, yes))).toBe("APPROVAL_DECIDED");
      expect(await codeOf(() => approvals.decide(id, { ...yes, args: { order: 7, amount: 11 } }))).toBe(
        "APPROVAL_DECIDED"
      );
    }));

  it("[A4] names arguments by the SHA-256 of their JSON with sorted keys", () =>
    withBench(async ({ approvals }) => {
      const { argsHash } = approvals.request({ subject: "s", args: { b: [1, { d: null, c: "é" }], a: undefined } });
      const bytes = new TextEncoder().encode('{"b":[1,{"c":"é","d":null}]}');
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      expect(argsHash).toBe(Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""));
    }));

  it("[A5] may change the arguments, and both are kept", () =>
    withBench((bench) => {
      const { id, argsHash } = bench.approvals.request({ ...refund, editable: true });
      const decided = bench.approvals.decide(id, { ...yes, argsHash, args: { order: 7, amount: 10 } });
      expect(decided).toMatchObject({
        args: { order: 7, amount: 20 },
        argsHash,
        editedArgs: { order: 7, amount: 10 },
        approvedArgs: { order: 7, amount: 10 }
      });
      expect(bench.life().get(id)).toEqual(decided);
    }));

  it("[A5] with the arguments as they are is no edit, also where none may be", () =>
    withBench(({ approvals }) => {
      const { id } = approvals.request(refund);
      const decided = approvals.decide(id, { ...yes, args: { amount: 20, order: 7 } });
      expect([decided.status, "editedArgs" in decided]).toEqual(["approved", false]);
    }));

  it("[A5] can make them null", () =>
    withBench(({ approvals }) => {
      const { id } = approvals.request({ ...refund, editable: true });
      expect(approvals.decide(id, { ...yes, args: null })).toMatchObject({ editedArgs: null, approvedArgs: null });
    }));

  it("[A7] is not needed any more once the request is taken back", () =>
    withBench(async (bench) => {
      const { id } = bench.approvals.request(refund);
      const cancelled = bench.approvals.cancel(id, { by: "ada", comment: "stopped" });
      expect(cancelled).toMatchObject({ status: "cancelled", decidedBy: "ada", comment: "stopped" });
      expect(bench.life().cancel(id)).toEqual(cancelled);
      expect(await codeOf(() => bench.approvals.decide(id, yes))).toBe("APPROVAL_DECIDED");
      expect(await codeOf(() => bench.approvals.cancel("none"))).toBe("APPROVAL_UNKNOWN");
    }));
});

describe("an end", () => {
  it("[A6] is the same for everybody, before the alarm has rung and after", () =>
    withBench(async (bench) => {
      const { id } = bench.approvals.request({ ...refund, expiresMs: 1_000_100 });
      bench.nowMs = 1_000_099;
      expect([bench.approvals.get(id)?.status, bench.wakeMs]).toEqual(["pending", 1_000_100]);
      bench.nowMs = 1_000_100;
      for (const rung of [false, true]) {
        expect(bench.approvals.get(id)).toMatchObject({ status: "expired", decidedMs: 1_000_100 });
        expect(bench.approvals.list({ status: "pending" })).toEqual([]);
        expect(bench.approvals.list({ status: "expired" }).length).toBe(1);
        expect(await codeOf(() => bench.approvals.decide(id, yes))).toBe("APPROVAL_EXPIRED");
        expect(await codeOf(() => bench.approvals.cancel(id))).toBe("APPROVAL_EXPIRED");
        if (!rung) expect(bench.ring()).toBe(true);
      }
      expect([bench.wakeMs, bench.approvals.audit(id).map(({ event, atMs }) => [event, atMs])]).toEqual([
        undefined,
        [
          ["requested", 1_000_000],
          ["expired", 1_000_100]
        ]
      ]);
    }));

  it("[A6] is written down for many, in their order, in batches", () =>
    withBench(async (bench) => {
      for (let n = 0; n < 150; n++) bench.approvals.request({ id: `r${n}`, subject: "s", expiresMs: 1_000_500 - n });
      expect(bench.wakeMs).toBe(1_000_351);
      bench.nowMs = 1_000_600;
      bench.life();
      bench.ring();
      expect([bench.wakeMs, bench.events.filter(([type]) => type === "approval:expire").length]).toEqual([
        1_000_451, 100
      ]);
      bench.ring();
      expect([bench.wakeMs, bench.events.filter(([type]) => type === "approval:expire").length]).toEqual([
        undefined,
        150
      ]);
      expect(bench.events.at(-1)).toEqual([
        "approval:expire",
        { id: "r0", source: "program", subject: "s", createdMs: expect.any(Number) }
      ]);
    }));

  it("[A18] of several: the alarm is set for the earliest, and for none once all are decided", () =>
    withBench((bench) => {
      const at = (expiresMs: number) => bench.approvals.request({ subject: "s", expiresMs }).id;
      const seen: (number | undefined)[] = [];
      const [late, early] = [at(3_000_000), at(2_000_000)];
      seen.push(bench.wakeMs);
      bench.approvals.decide(early, no);
      seen.push(bench.wakeMs);
      bench.approvals.cancel(late);
      bench.approvals.request({ subject: "s" });
      seen.push(bench.wakeMs);
      expect(seen).toEqual([2_000_000, 3_000_000, undefined]);
    }));
});
