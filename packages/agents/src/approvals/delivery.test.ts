import { describe, expect, it } from "vitest";
import { ApprovalsBench } from "../test/approvals-kit";
import { withStorage } from "../test/kit";
import type { DecidedApproval } from "./approval";

const withBench = (run: (bench: ApprovalsBench) => void | Promise<void>) =>
  withStorage((storage) => run(new ApprovalsBench(storage)));
const yes = { approved: true, by: "ada" };

/** A handler that writes down what it was told, and does what it should then. */
function handler(then: (approval: DecidedApproval) => void | Promise<void> = () => {}) {
  const told: string[] = [];
  return Object.assign(
    (approval: DecidedApproval) => {
      told.push(`${approval.id} ${approval.status}`);
      return then(approval);
    },
    { told }
  );
}
const fails = () => {
  throw new Error("not now");
};
const request = (bench: ApprovalsBench, id: string, source = "shop") =>
  bench.approvals.request({ id, source, subject: "s" });
const undelivered = ({ approvals }: ApprovalsBench) => approvals.list({ undelivered: true }).map(({ id }) => id);

describe("[A8] the handler of a source", () => {
  it("is told of each decision when it is made, once, in the order of the decisions", () =>
    withBench(async (bench) => {
      const tell = handler();
      bench.approvals.onDecided("shop", tell);
      for (const id of ["a", "b", "c"]) request(bench, id);
      request(bench, "other", "chat");
      bench.approvals.request({ id: "d", source: "shop", subject: "s", expiresMs: 1_000_010 });
      bench.approvals.decide("c", yes);
      bench.approvals.decide("a", { approved: false, by: "ada" });
      bench.approvals.decide("a", { approved: false, by: "ada" });
      bench.approvals.cancel("b");
      bench.approvals.decide("other", yes);
      await bench.pass(3_600_000);
      bench.life().onDecided("shop", tell);
      await bench.pass(3_600_000);
      expect([tell.told, undelivered(bench), bench.wakeMs]).toEqual([
        ["c approved", "a rejected", "b cancelled", "d expired"],
        ["other"],
        undefined
      ]);
    }));

  it("is told what is stored", () =>
    withBench((bench) => {
      const seen: unknown[] = [];
      bench.approvals.onDecided("shop", (approval) => void seen.push(approval, bench.approvals.get("a")));
      bench.approvals.request({ id: "a", source: "shop", subject: "s", args: 1, context: { call: 7 }, editable: true });
      const decided = bench.approvals.decide("a", { ...yes, args: 2, comment: "c" });
      expect(seen).toEqual([decided, decided]);
      expect(decided).toMatchObject({ context: { call: 7 }, approvedArgs: 2 });
    }));

  it("that is cut by an eviction is called again, in the next life", () =>
    withBench(async (bench) => {
      const cut = handler(() => new Promise(() => {}));
      bench.approvals.onDecided("shop", cut);
      request(bench, "a");
      bench.approvals.decide("a", yes);
      expect([cut.told, bench.wakeMs]).toEqual([["a approved"], 1_005_000]);
      const again = handler();
      bench.life().onDecided("shop", again);
      await bench.pass(4_999);
      expect(again.told).toEqual([]);
      await bench.pass(1);
      expect([again.told, undelivered(bench), bench.wakeMs]).toEqual([["a approved"], [], undefined]);
    }));

  it.each<[string, () => void | Promise<void>]>([
    ["throws", fails],
    ["rejects", async () => fails()]
  ])("that %s is called again after longer and longer pauses, ten times at most", (_, then) =>
    withBench(async (bench) => {
      const times: number[] = [];
      const tell = handler(() => (times.push(bench.nowMs - 1_000_000), then()));
      bench.approvals.onDecided("shop", tell);
      request(bench, "a");
      bench.approvals.decide("a", yes);
      await bench.pass(24 * 3_600_000);
      expect(times.map((ms) => ms / 5_000)).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511]);
      expect(bench.errors.map(String)).toEqual(Array.from({ length: 10 }, () => "Error: not now"));
      expect([bench.wakeMs, undelivered(bench)]).toEqual([undefined, ["a"]]);
      expect(bench.events.at(-1)).toEqual(["approval:undelivered", { id: "a", source: "shop", attempts: 10 }]);
    })
  );

  it("that was given up is not called by a new life, but by redeliver", () =>
    withBench(async (bench) => {
      bench.approvals.onDecided("shop", fails);
      request(bench, "a");
      bench.approvals.decide("a", yes);
      await bench.pass(24 * 3_600_000);
      const tell = handler();
      bench.life().onDecided("shop", tell);
      await bench.pass(24 * 3_600_000);
      expect([tell.told, bench.approvals.redeliver("a")]).toEqual([[], true]);
      await bench.pass(0);
      expect([tell.told, bench.approvals.redeliver("a"), bench.approvals.redeliver("none")]).toEqual([
        ["a approved"],
        false,
        false
      ]);
    }));

  it("counts an attempt before it begins: one that kills its instance each time ends too", () =>
    withBench(async (bench) => {
      let lives = 0;
      const kills = handler(() => {
        lives++;
        return new Promise(() => {});
      });
      bench.approvals.onDecided("shop", kills);
      request(bench, "a");
      bench.approvals.decide("a", yes);
      for (let n = 0; n < 20 && bench.wakeMs !== undefined; n++) {
        bench.life().onDecided("shop", kills);
        bench.nowMs = bench.wakeMs;
        // It never returns: the next life begins while it hangs.
        bench.approvals.onWake(bench.nowMs);
        bench.wakeMs = bench.approvals.nextWake();
      }
      expect([lives, bench.wakeMs]).toEqual([10, undefined]);
    }));

  it("that still runs is not begun again", () =>
    withBench(async (bench) => {
      let release = () => {};
      const slow = handler(() => new Promise((resolve) => (release = resolve)));
      bench.approvals.onDecided("shop", slow);
      request(bench, "a");
      bench.approvals.decide("a", yes);
      await bench.pass(60_000);
      expect([slow.told, undelivered(bench), bench.wakeMs! > bench.nowMs]).toEqual([["a approved"], ["a"], true]);
      release();
      await bench.pass(3_600_000);
      expect([slow.told, undelivered(bench), bench.wakeMs]).toEqual([["a approved"], [], undefined]);
    }));

  it("that comes later is told of what there was nobody to tell, and not before its registration is over", () =>
    withBench(async (bench) => {
      for (const id of ["a", "b"]) request(bench, id);
      bench.approvals.request({ id: "c", source: "shop", subject: "s", expiresMs: 1_000_010 });
      bench.approvals.decide("a", yes);
      await bench.pass(1_000);
      expect(bench.wakeMs).toBe(undefined);
      const tell = handler();
      bench.life().onDecided("shop", tell);
      expect([tell.told, bench.wakeMs]).toEqual([[], bench.nowMs]);
      await bench.pass(0);
      expect([tell.told, bench.wakeMs]).toEqual([["a approved", "c expired"], undefined]);
    }));

  it("that is gone in a later life leaves no alarm behind", () =>
    withBench(async (bench) => {
      bench.approvals.onDecided("shop", fails);
      request(bench, "a");
      bench.approvals.decide("a", yes);
      bench.life();
      await bench.pass(3_600_000);
      expect([bench.wakeMs, undelivered(bench)]).toEqual([undefined, ["a"]]);
    }));

  it("of a package is there in each life, and gives way to that of the agent", () =>
    withBench((bench) => {
      const [shared, own] = [handler(), handler()];
      bench.shared.set("shop", shared);
      for (const id of ["a", "b"]) request(bench, id);
      bench.life().decide("a", yes);
      bench.approvals.onDecided("shop", own);
      bench.approvals.decide("b", yes);
      expect([shared.told, own.told]).toEqual([["a approved"], ["b approved"]]);
    }));

  it("may ask and decide itself", () =>
    withBench((bench) => {
      const tell = handler(({ id }) => {
        if (id === "a") bench.approvals.cancel(request(bench, "b").id);
      });
      bench.approvals.onDecided("shop", tell);
      request(bench, "a");
      bench.approvals.decide("a", yes);
      expect([tell.told, undelivered(bench)]).toEqual([["a approved", "b cancelled"], []]);
    }));

  it("does not keep others from theirs when it hangs or fails", () =>
    withBench(async (bench) => {
      for (const id of ["fails", "works"]) request(bench, id);
      for (const id of ["fails", "works"]) bench.approvals.decide(id, yes);
      const tell = handler(({ id }) => (id === "fails" ? fails() : undefined));
      bench.approvals.onDecided("shop", tell);
      bench.ring();
      expect([tell.told, undelivered(bench)]).toEqual([["fails approved", "works approved"], ["fails"]]);
    }));
});
