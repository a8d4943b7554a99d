import { describe, expect, it } from "vitest";
import { ApprovalsBench } from "../test/approvals-kit";
import { errorOf, withStorage } from "../test/kit";

const withBench = (run: (bench: ApprovalsBench) => void | Promise<void>) =>
  withStorage((storage) => run(new ApprovalsBench(storage)));
const refund = { subject: "refund", args: { order: 7, amount: 20 } };
const yes = { approved: true, by: "ada" };
const codeOf = async (run: () => unknown) => (await errorOf(async () => run())).code;

describe("a list", () => {
  it("[A12] has the newest first, page by page", () =>
    withBench(({ approvals }) => {
      for (let n = 0; n < 120; n++) approvals.request({ id: `r${n}`, subject: "s" });
      const ids: string[] = [];
      for (let before: string | undefined; ; before = ids.at(-1)) {
        const page = approvals.list({ before });
        if (page.length === 0) break;
        ids.push(...page.map(({ id }) => id));
      }
      expect(ids).toEqual(Array.from({ length: 120 }, (_, n) => `r${119 - n}`));
      expect(approvals.list({ before: "none" })).toEqual([]);
    }));

  it("[A12] is filtered", () =>
    withBench((bench) => {
      const { approvals } = bench;
      approvals.request({ id: "a", subject: "refund", scope: "billing", source: "chat" });
      approvals.request({ id: "b", subject: "refund", scope: "shipping", expiresMs: 1_000_001 });
      approvals.request({ id: "c", subject: "pay", expiresMs: 3_000_000 });
      approvals.request({ id: "d", subject: "pay", scope: "it's" });
      approvals.decide("a", { ...yes, rights: ["billing"] });
      bench.nowMs += 1;
      const ids = (filter: Parameters<typeof approvals.list>[0]) =>
        approvals
          .list(filter)
          .map(({ id }) => id)
          .join("");
      expect(ids({ status: "pending" })).toBe("dc");
      expect(ids({ status: "approved" })).toBe("a");
      expect(ids({ status: "expired" })).toBe("b");
      expect(ids({ source: "chat" })).toBe("a");
      expect(ids({ subject: "pay" })).toBe("dc");
      expect(ids({ scope: "it's" })).toBe("d");
      expect(ids({ rights: [] })).toBe("c");
      expect(ids({ rights: ["it's", "shipping"] })).toBe("dcb");
      expect(ids({ rights: ["it's"], status: "pending", subject: "pay", limit: 1 })).toBe("d");
      expect(ids({ undelivered: true })).toBe("a");
    }));

  it.each([0, -1, 501, 1.5, NaN])("[A12] of %s is refused", (limit) =>
    withBench(async ({ approvals }) => {
      expect(await codeOf(() => approvals.list({ limit }))).toBe("APPROVAL_INVALID");
    })
  );
});

describe("a grant", () => {
  const granted = { ...yes, rights: ["billing"], grant: true as const };
  const request = { ...refund, source: "chat", scope: "billing" };

  it("[A10] approves at once what has its source, subject and scope, and tells no handler", () =>
    withBench((bench) => {
      const told: string[] = [];
      bench.approvals.onDecided("chat", ({ id }) => void told.push(id));
      bench.approvals.request({ ...request, id: "first" });
      bench.approvals.decide("first", granted);
      const [grant] = bench.life().grants();
      bench.approvals.onDecided("chat", ({ id }) => void told.push(id));
      const second = bench.approvals.request({ ...request, id: "second", args: 2, expiresMs: 2_000_000 });
      expect(second).toMatchObject({ status: "approved", decidedBy: "ada", grantId: grant!.id, approvedArgs: 2 });
      expect([told, bench.wakeMs]).toEqual([["first"], undefined]);
      for (const other of [{ source: "x" }, { subject: "pay" }, { scope: "x" }, { scope: undefined }])
        expect(bench.approvals.request({ ...request, ...other }).status).toBe("pending");
    }));

  it("[A10] without a scope is for requests without one", () =>
    withBench(({ approvals }) => {
      approvals.decide(approvals.request(refund).id, { ...yes, grant: true });
      expect([approvals.request(refund).status, approvals.request({ ...refund, scope: "x" }).status]).toEqual([
        "approved",
        "pending"
      ]);
    }));

  it("[A10] ends with its time", () =>
    withBench((bench) => {
      const { id } = bench.approvals.request(request);
      bench.approvals.decide(id, { ...granted, grant: { untilMs: 1_000_010 } });
      bench.nowMs = 1_000_009;
      expect([bench.approvals.grants().length, bench.approvals.request(request).status]).toEqual([1, "approved"]);
      bench.nowMs = 1_000_010;
      expect([bench.approvals.grants().length, bench.approvals.request(request).status]).toEqual([0, "pending"]);
    }));

  it("[A10] is listed and can be revoked, once; what it approved stays", () =>
    withBench((bench) => {
      const { approvals } = bench;
      approvals.request({ ...request, id: "r" });
      approvals.decide("r", granted);
      const second = approvals.request(request);
      const [grant] = approvals.grants();
      expect(grant).toEqual({
        id: expect.any(String),
        approvalId: "r",
        source: "chat",
        subject: "refund",
        scope: "billing",
        by: "ada",
        createdMs: 1_000_000
      });
      expect([
        approvals.revoke("none"),
        approvals.revoke(grant!.id, { by: "eve" }),
        approvals.revoke(grant!.id)
      ]).toEqual([false, true, false]);
      expect([approvals.grants(), approvals.request(request).status, approvals.get(second.id)?.status]).toEqual([
        [],
        "pending",
        "approved"
      ]);
      expect(approvals.audit("r").at(-1)).toEqual({ event: "revoked", atMs: 1_000_000, by: "eve", grantId: grant!.id });
    }));

  it("[A10] is given once, however often the decision arrives", () =>
    withBench(({ approvals }) => {
      const { id } = approvals.request(request);
      approvals.decide(id, granted);
      approvals.decide(id, granted);
      expect(approvals.grants().length).toBe(1);
    }));
});

describe("the trail", () => {
  // proves human-in-the-loop#history
  it("[A11] has all that happened, in order, with who and when", () =>
    withBench((bench) => {
      const { approvals } = bench;
      approvals.request({ ...refund, id: "r", requestedBy: "model" });
      for (const by of ["bob", "ada", "bob"]) {
        bench.nowMs += 1;
        approvals.viewed("r", by);
      }
      approvals.decide("r", { ...yes, comment: "fine", grant: true });
      const grantId = approvals.grants()[0]!.id;
      const next = approvals.request(refund);
      expect(bench.life().audit("r")).toEqual([
        { event: "requested", atMs: 1_000_000, by: "model" },
        { event: "viewed", atMs: 1_000_001, by: "bob" },
        { event: "viewed", atMs: 1_000_002, by: "ada" },
        { event: "approved", atMs: 1_000_003, by: "ada", comment: "fine" },
        { event: "granted", atMs: 1_000_003, by: "ada", grantId }
      ]);
      expect(approvals.audit(next.id)).toEqual([
        { event: "requested", atMs: 1_000_003 },
        { event: "approved", atMs: 1_000_003, by: "ada", grantId }
      ]);
    }));

  it("[A11] of nothing is refused", () =>
    withBench(async ({ approvals }) => {
      expect(await codeOf(() => approvals.audit("none"))).toBe("APPROVAL_UNKNOWN");
      expect(await codeOf(() => approvals.viewed("none", "ada"))).toBe("APPROVAL_UNKNOWN");
    }));

  it("[A17] is pruned with its approval, and only what is decided and told", () =>
    withBench(async (bench) => {
      const { approvals } = bench;
      expect(approvals.prune(Infinity)).toBe(0);
      for (const id of ["old", "told", "failing", "pending", "new"])
        approvals.request({ ...refund, id, source: id, expiresMs: id === "old" ? 1_000_001 : undefined });
      approvals.onDecided("told", () => {});
      approvals.onDecided("failing", () => Promise.reject(new Error("not now")));
      approvals.decide("told", { ...yes, grant: { untilMs: 1_000_500 } });
      approvals.decide("failing", yes);
      await bench.pass(1_000);
      approvals.decide("new", { ...yes, grant: true });
      expect(approvals.prune(bench.nowMs)).toBe(2);
      expect(approvals.list().map(({ id }) => id)).toEqual(["new", "pending", "failing"]);
      expect(await codeOf(() => approvals.audit("told"))).toBe("APPROVAL_UNKNOWN");
      expect([approvals.audit("failing").length, approvals.grants().length]).toEqual([2, 1]);
    }));
});

describe("whoever waits", () => {
  it("[A13] is told of the decision, all of them, and at once when there is one", () =>
    withBench(async ({ approvals }) => {
      const { id } = approvals.request(refund);
      const waits = [approvals.decision(id), approvals.decision(id, { signal: new AbortController().signal })];
      const decided = approvals.decide(id, yes);
      expect(await Promise.all([...waits, approvals.decision(id)])).toEqual([decided, decided, decided]);
    }));

  it("[A13] is told of an end and of a cancellation", () =>
    withBench(async (bench) => {
      const ends = bench.approvals.decision(bench.approvals.request({ ...refund, expiresMs: 1_000_100 }).id);
      const stopped = bench.approvals.request(refund);
      const stops = bench.approvals.decision(stopped.id);
      bench.approvals.cancel(stopped.id);
      await bench.pass(100);
      expect([(await ends).status, (await stops).status]).toEqual(["expired", "cancelled"]);
    }));

  it("[A13] goes when its signal says so, and leaves the others", () =>
    withBench(async ({ approvals }) => {
      const { id } = approvals.request(refund);
      const controller = new AbortController();
      const [gone, stays] = [approvals.decision(id, { signal: controller.signal }), approvals.decision(id)];
      await Promise.resolve();
      controller.abort(new Error("enough"));
      expect((await errorOf(() => gone)).message).toBe("enough");
      expect((await errorOf(() => approvals.decision(id, { signal: controller.signal }))).message).toBe("enough");
      approvals.decide(id, { approved: false, by: "bob" });
      expect((await stays).status).toBe("rejected");
      expect((await errorOf(() => approvals.decision("none"))).code).toBe("APPROVAL_UNKNOWN");
    }));
});
