import { describe, expect, it } from "vitest";
import type { AgentErrorCode } from "../protocol/errors";
import { ApprovalsBench } from "../test/approvals-kit";
import { errorOf, withStorage } from "../test/kit";

const withBench = (run: (bench: ApprovalsBench) => void | Promise<void>) =>
  withStorage((storage) => run(new ApprovalsBench(storage)));
const transfer = { id: "t", subject: "transfer", args: { amount: 9_000 }, quorum: 2 };
const yes = (by: string, comment?: string) => ({ approved: true, by, ...(comment !== undefined && { comment }) });
const about = { id: "t", source: "program", subject: "transfer" };
const no = (by: string) => ({ approved: false, by });
const codeOf = async (run: () => unknown) => (await errorOf(async () => run())).code;

describe("[A19] where several have to approve", () => {
  it("each has one vote, and the last one that it takes decides", () =>
    withBench((bench) => {
      bench.approvals.onDecided("program", ({ id, status }) => void bench.events.push(["told", { id, status }]));
      bench.approvals.request(transfer);
      const first = { by: "ada", atMs: 1_000_000, comment: "fine" };
      expect(bench.approvals.decide("t", yes("ada", "fine"))).toMatchObject({
        status: "pending",
        quorum: 2,
        votes: [first]
      });
      bench.nowMs += 5;
      expect(bench.approvals.decide("t", yes("ada", "again"))).toMatchObject({ status: "pending", votes: [first] });
      expect(bench.life().get("t")).toMatchObject({ status: "pending", votes: [first] });
      bench.approvals.onDecided("program", ({ id, status }) => void bench.events.push(["told", { id, status }]));
      const votes = [first, { by: "bob", atMs: 1_000_005 }];
      expect(bench.approvals.decide("t", yes("bob"))).toMatchObject({ status: "approved", decidedBy: "bob", votes });
      expect(bench.approvals.decide("t", yes("ada"))).toMatchObject({ status: "approved", votes });
      expect(bench.events).toEqual([
        ["approval:request", about],
        ["approval:vote", { ...about, createdMs: 1_000_000, by: "ada", votes: 1, quorum: 2 }],
        ["approval:vote", { ...about, createdMs: 1_000_000, by: "bob", votes: 2, quorum: 2 }],
        ["approval:decide", { ...about, createdMs: 1_000_000, decision: "approved", by: "bob" }],
        ["told", { id: "t", status: "approved" }]
      ]);
      expect(bench.approvals.audit("t").map(({ event, by }) => [event, by])).toEqual([
        ["requested", undefined],
        ["voted", "ada"],
        ["voted", "bob"],
        ["approved", "bob"]
      ]);
    }));

  it("one rejection is enough, also by who has approved before", () =>
    withBench(async ({ approvals }) => {
      approvals.request(transfer);
      approvals.decide("t", yes("ada"));
      expect(approvals.decide("t", no("ada"))).toMatchObject({ status: "rejected", decidedBy: "ada" });
      expect(await codeOf(() => approvals.decide("t", yes("bob")))).toBe("APPROVAL_DECIDED");
    }));

  it("too few have not approved when the time is over", () =>
    withBench(async (bench) => {
      bench.approvals.request({ ...transfer, expiresMs: 1_000_010 });
      bench.approvals.decide("t", yes("ada"));
      bench.nowMs += 10;
      expect(await codeOf(() => bench.approvals.decide("t", yes("bob")))).toBe("APPROVAL_EXPIRED");
    }));

  it("each of them needs the right, and nobody edits, or grants for the others", () =>
    withBench(async ({ approvals }) => {
      approvals.request({ ...transfer, scope: "billing" });
      const refused = async (choice: object): Promise<AgentErrorCode | undefined> =>
        (await codeOf(() =>
          approvals.decide("t", { ...yes("ada"), rights: ["billing"], ...choice })
        )) as AgentErrorCode;
      expect(await refused({ rights: [] })).toBe("APPROVAL_FORBIDDEN");
      expect(await refused({ args: { amount: 1 } })).toBe("APPROVAL_INVALID");
      expect(await refused({ grant: true })).toBe("APPROVAL_INVALID");
    }));

  it("no grant stands for them", () =>
    withBench(({ approvals }) => {
      approvals.request({ ...transfer, id: "one", quorum: 1 });
      approvals.decide("one", { ...yes("ada"), grant: true });
      expect(approvals.request({ ...transfer, id: "two", quorum: 1 }).status).toBe("approved");
      expect(approvals.request(transfer).status).toBe("pending");
    }));

  it.each([0, 1.5, 101, "2"])("%j is no number of people", (quorum) =>
    withBench(async ({ approvals }) => {
      expect(await codeOf(() => approvals.request({ ...transfer, quorum: quorum as number }))).toBe("APPROVAL_INVALID");
    })
  );

  it("the same request asks for as many, and may not be edited", () =>
    withBench(async ({ approvals }) => {
      approvals.request(transfer);
      expect(await codeOf(() => approvals.request({ ...transfer, quorum: 3 }))).toBe("APPROVAL_CHANGED");
      expect(await codeOf(() => approvals.request({ ...transfer, id: "e", editable: true }))).toBe("APPROVAL_INVALID");
    }));
});
