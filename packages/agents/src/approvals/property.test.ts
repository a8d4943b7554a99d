import { expect, it } from "vitest";
import { ApprovalsBench } from "../test/approvals-kit";
import { withStorage } from "../test/kit";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../test/random";
import type { ApprovalStatus, DecidedApproval } from "./approval";

/** What must be true of one request, kept beside the real thing. */
interface Expected {
  source: string;
  subject: string;
  scope: string | undefined;
  args: number;
  argsHash: string;
  editable: boolean;
  expiresMs: number | undefined;
  status: Exclude<ApprovalStatus, "expired">;
  approvedArgs?: number;
  byGrant?: boolean;
}

interface Grant {
  key: string;
  untilMs: number | undefined;
  id: string;
}

const ids = 20;
const sources = ["chat", "shop", "nobody"];
const scopes = ["billing", undefined, undefined];
const keyOf = (request: { source: string; subject: string; scope: string | undefined }) =>
  `${request.source} ${request.subject} ${request.scope}`;

/** A program that asks, people that decide, and an instance that is evicted whenever it likes. */
class Simulation {
  readonly requests = new Map<string, Expected>();
  readonly grants: Grant[] = [];
  /** What handlers were told, and how often. */
  readonly told = new Map<string, string[]>();
  /** Whom a handler was told of, and got to its end. */
  readonly succeeded = new Set<string>();
  readonly problems: string[] = [];
  readonly counts = { refusals: 0, cuts: 0, failures: 0, expired: 0, granted: 0, repeated: 0 };
  readonly #bench: ApprovalsBench;
  readonly #random: Random;
  #calm = false;
  #held: (() => void)[] = [];

  constructor(bench: ApprovalsBench, random: Random) {
    this.#bench = bench;
    this.#random = random;
    bench.shared.set("chat", (approval) => this.#handle(approval));
    this.#register();
  }

  #isRegistered = false;

  #register(): void {
    this.#isRegistered = true;
    this.#bench.approvals.onDecided("shop", (approval) => this.#handle(approval));
  }

  #handle(approval: DecidedApproval): void | Promise<void> {
    const told = this.told.get(approval.id) ?? [];
    this.told.set(approval.id, told);
    const expected = this.requests.get(approval.id)!;
    const text = approval.status === "approved" ? `approved ${String(approval.approvedArgs)}` : approval.status;
    told.push(text);
    this.#same(`told of ${approval.id}`, text, this.#shown(expected));
    const succeeds = () => void this.succeeded.add(approval.id);
    if (this.#calm) return succeeds();
    switch (this.#random.below(5)) {
      case 0:
        this.counts.failures++;
        throw new Error("thrown");
      case 1:
        this.counts.failures++;
        return Promise.reject(new Error("rejected"));
      case 2:
        // Until somebody lets it go, or an eviction forgets it.
        return new Promise<void>((resolve) => this.#held.push(resolve)).then(succeeds);
      case 3:
        return Promise.resolve().then(succeeds);
      default:
        succeeds();
    }
  }

  #same(what: string, found: unknown, expected: unknown): void {
    const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
    if (a !== b) this.problems.push(`${what}: ${a} instead of ${b}`);
  }

  #statusOf({ status, expiresMs }: Expected): ApprovalStatus {
    return status === "pending" && expiresMs !== undefined && expiresMs <= this.#bench.nowMs ? "expired" : status;
  }
  #shown(expected: Expected): string {
    const status = this.#statusOf(expected);
    return status === "approved" ? `approved ${expected.approvedArgs}` : status;
  }

  async step(): Promise<void> {
    const random = this.#random;
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        return this.#request();
      case 3:
      case 4:
      case 5:
        return this.#decide();
      case 6:
        return this.#bench.pass(random.below(40) * 500);
      case 7:
        this.counts.cuts += this.#held.length;
        this.#held = [];
        this.#bench.life();
        this.#isRegistered = false;
        // Sometimes nobody registers before the next alarm.
        if (random.chance(0.8)) this.#register();
        return;
      case 8:
        return this.#cancel();
      default:
        return this.#random.chance(0.5) ? this.#revoke() : this.#release();
    }
  }

  #request(): void {
    const random = this.#random;
    const { approvals, nowMs } = this.#bench;
    const id = `r${random.below(ids)}`;
    const known = this.requests.get(id);
    if (known) {
      const again = approvals.request({ ...known, id, expiresMs: undefined });
      this.#same(`${id} again`, again.status, this.#statusOf(known));
      return;
    }
    const request = {
      source: random.pick(sources),
      subject: random.pick(["refund", "refund", "pay"]),
      scope: random.pick(scopes),
      args: random.below(3),
      editable: random.chance(0.5),
      expiresMs: random.chance(0.4) ? nowMs + 1 + random.below(10_000) : undefined
    };
    const { argsHash, status } = approvals.request({ ...request, id });
    const key = keyOf(request);
    const granted = this.grants.some((grant) => grant.key === key && (grant.untilMs ?? Infinity) > nowMs);
    this.#same(`new ${id} of ${key}`, status, granted ? "approved" : "pending");
    if (granted) this.counts.granted++;
    const byGrant = granted && { approvedArgs: request.args, byGrant: true };
    this.requests.set(id, { ...request, argsHash, status: granted ? "approved" : "pending", ...byGrant });
  }

  /** What is to come of it is said before it happens: the handler is told while it happens. */
  #decide(): void {
    const random = this.#random;
    const { approvals, nowMs } = this.#bench;
    const id = this.#someId();
    const expected = this.requests.get(id);
    const approved = random.chance(0.6);
    const args = approved && random.chance(0.3) ? random.below(3) : undefined;
    const grant = approved && random.chance(0.5);
    const untilMs = random.chance(0.5) ? nowMs + 1 + random.below(60_000) : undefined;
    const argsHash = random.chance(0.1) ? "0".repeat(64) : expected?.argsHash;
    const rights = ["billing", "shipping"].filter(() => random.chance(0.8));
    const choice = { approved, by: "ada", args, argsHash, rights, grant: grant ? { untilMs } : undefined };
    const refused = this.#refusal(expected, choice);
    const isNew = !refused && expected?.status === "pending";
    const trail = expected ? approvals.audit(id) : [];
    if (isNew) {
      expected.status = approved ? "approved" : "rejected";
      if (approved) expected.approvedArgs = args ?? expected.args;
    }
    if (refused) {
      this.#same(
        `refusal of ${id}`,
        codeOf(() => approvals.decide(id, choice)),
        refused
      );
      this.counts.refusals++;
    } else {
      this.#same(`decision about ${id}`, approvals.decide(id, choice).status, expected?.status);
      if (isNew && grant) this.grants.push({ key: keyOf(expected), untilMs, id: approvals.audit(id).at(-1)!.grantId! });
      if (!isNew) this.counts.repeated++;
    }
    if (!isNew && expected) this.#same(`trail of ${id}`, approvals.audit(id), trail);
  }

  /** Of a request, mostly. */
  #someId(): string {
    const pending = [...this.requests].filter(([, { status }]) => status === "pending").map(([id]) => id);
    const known = this.#random.chance(0.7) ? pending : [...this.requests.keys()];
    return known.length === 0 || this.#random.chance(0.1) ? "none" : this.#random.pick(known);
  }

  #refusal(
    expected: Expected | undefined,
    choice: { approved: boolean; args: number | undefined; argsHash: string | undefined; rights: string[] }
  ): string | undefined {
    if (!expected) return "APPROVAL_UNKNOWN";
    if (expected.scope !== undefined && !choice.rights.includes(expected.scope)) return "APPROVAL_FORBIDDEN";
    if (choice.argsHash !== expected.argsHash) return "APPROVAL_CHANGED";
    const edits = choice.args !== undefined && choice.args !== expected.args;
    if (edits && !expected.editable) return "APPROVAL_INVALID";
    const status = this.#statusOf(expected);
    if (status === "pending") return undefined;
    if (status === "expired") return "APPROVAL_EXPIRED";
    const sameArgs = (choice.args ?? expected.args) === (expected.approvedArgs ?? expected.args);
    const isSame = choice.approved ? status === "approved" && sameArgs : status === "rejected";
    return isSame ? undefined : "APPROVAL_DECIDED";
  }

  #cancel(): void {
    const id = this.#someId();
    const expected = this.requests.get(id);
    const status = expected && this.#statusOf(expected);
    if (expected && status === "pending") expected.status = "cancelled";
    const done = status === "pending" || status === "cancelled";
    const refused = !status ? "APPROVAL_UNKNOWN" : status === "expired" ? "APPROVAL_EXPIRED" : "APPROVAL_DECIDED";
    const code = codeOf(() => this.#bench.approvals.cancel(id));
    this.#same(`cancellation of ${id}`, code, done ? undefined : refused);
  }

  #revoke(): void {
    const grant = this.#random.pick(this.grants);
    if (!grant) return;
    const isActive = (grant.untilMs ?? Infinity) > this.#bench.nowMs;
    this.#same("revoked", this.#bench.approvals.revoke(grant.id), isActive);
    grant.untilMs = Math.min(grant.untilMs ?? Infinity, this.#bench.nowMs);
  }

  #release(): void {
    for (const release of this.#held) release();
    this.#held = [];
  }

  /** What must hold whatever has happened. */
  check(): void {
    const { approvals, wakeMs } = this.#bench;
    for (const [id, expected] of this.requests) {
      const approval = approvals.get(id)!;
      const shown = approval.status === "approved" ? `approved ${String(approval.approvedArgs)}` : approval.status;
      this.#same(id, shown, this.#shown(expected));
      const events = approvals.audit(id).map(({ event }) => event);
      const ends = events.filter((event) => !/requested|granted|revoked/.test(event));
      const last = approval.status === "pending" ? "" : approval.status;
      // The end of what is over is written by the alarm.
      if (last !== "expired" || ends.length > 0) this.#same(`end of ${id}`, ends.join(), last);
      this.#same(`begin of ${id}`, events[0], "requested");
    }
    const pending = [...this.requests].filter(([, expected]) => this.#statusOf(expected) === "pending");
    const listed = approvals.list({ status: "pending" }).map(({ id }) => id);
    this.#same("pending", listed.sort(), pending.map(([id]) => id).sort());
    // An alarm may ring in vain, and never too late.
    this.#same("alarm", (wakeMs ?? Infinity) <= (approvals.nextWake() ?? Infinity), true);
  }

  /** No more faults: everything comes to its end. */
  async settle(): Promise<void> {
    this.#calm = true;
    this.#release();
    if (!this.#isRegistered) this.#register();
    await this.#bench.pass(0);
    const gaveUp = this.#bench.events.filter(([type]) => type === "approval:undelivered");
    for (const [, { id }] of gaveUp) this.#bench.approvals.redeliver(String(id));
    await this.#bench.pass(48 * 3_600_000);
    this.check();
    this.#same("last alarm", this.#bench.wakeMs, undefined);
    for (const [id, expected] of this.requests) {
      const status = this.#statusOf(expected);
      const isTold = status !== "pending" && !expected.byGrant && expected.source !== "nobody";
      this.#same(`whether ${id} was told`, this.told.has(id), isTold);
      this.#same(`whether telling of ${id} succeeded`, this.succeeded.has(id), isTold);
      if (status === "expired") this.counts.expired++;
    }
  }
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
}

it(
  `[A1] [A8] what is asked, decided and told agrees, under refusals, evictions, failing handlers and ends (${fuzzSeeds} seeds)`,
  async () => {
    const total: Record<string, number> = {};
    await eachSeed(
      (random) =>
        withStorage(async (storage) => {
          const simulation = new Simulation(new ApprovalsBench(storage), random);
          for (let steps = 25 + random.below(25); steps > 0; steps--) {
            await simulation.step();
            if (steps % 6 === 0) simulation.check();
          }
          await simulation.settle();
          expect(simulation.problems).toEqual([]);
          for (const [name, count] of Object.entries(simulation.counts)) total[name] = (total[name] ?? 0) + count;
        }),
      8
    );
    // A run in which nothing of this happened has shown nothing.
    for (const [name, count] of Object.entries(total)) expect(count, name).toBeGreaterThanOrEqual(fuzzSeeds / 10);
  },
  fuzzTimeoutMs(120_000)
);
