import { expect, it } from "vitest";
import { hop } from "../../test/clock";
import { withStorage, type TestStorage } from "../../test/kit";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, Random } from "../../test/random";
import { WorkBench } from "../../test/work-bench";

/** A task, as those who asked for it know it. */
interface Known {
  readonly id: string;
  readonly kind: "queue" | "once" | "repeating";
  /** The name of its queue if its order there is strict, and it was not delayed. */
  readonly strict: string | undefined;
  readonly dueMs: number;
  /** How many calls there were when it was made, and when its cancellation was acknowledged. */
  readonly made: number;
  cancelled: number | undefined;
  maxAttempts: number;
}

interface Totals {
  kills: number;
  cancelled: number;
  dead: number;
  retried: number;
  repeats: number;
}

const minute = 60_000;

class Simulation {
  readonly b: WorkBench;
  readonly known: Known[] = [];
  /** Ids of started and of completed calls, in order. */
  readonly started: string[] = [];
  readonly completed: { id: string; atStart: number }[] = [];
  readonly platformErrors = new Map<string, number>();
  kills = 0;
  #calm = false;
  readonly #random: Random;

  constructor(test: TestStorage, random: Random, rewrite?: (query: string) => string) {
    this.#random = random;
    this.b = new WorkBench(test, {
      tick: hop,
      random: () => random.below(1_000) / 1_000,
      ...(rewrite && { rewrite }),
      methods: { work: (_, task: { id: string }) => this.#work(task.id) }
    });
  }

  async #work(id: string): Promise<void> {
    const atStart = this.started.push(id) - 1;
    const random = this.#random;
    const fate = this.#calm ? 0 : random.below(20);
    if (fate >= 8) await hop();
    if (fate >= 11 && fate < 13) await this.b.clock.wait(random.below(40_000), never);
    if (fate === 13 || fate === 14) throw new Error("thrown");
    if (fate === 15) {
      this.platformErrors.set(id, (this.platformErrors.get(id) ?? 0) + 1);
      throw new Error("Network connection lost.");
    }
    if (fate === 16) return new Promise(() => {});
    if (fate === 17) return this.#kill();
    if (fate === 18) this.add();
    if (fate === 19) this.cancel();
    this.completed.push({ id, atStart });
  }

  #kill(): Promise<never> {
    this.kills++;
    this.b.kill();
    return new Promise<never>(() => {});
  }

  add(): void {
    const random = this.#random;
    const { b } = this;
    const maxAttempts = 1 + random.below(4);
    const options = { retry: { maxAttempts } };
    const made = this.started.length;
    const know = (id: string, kind: Known["kind"], dueMs: number, strict?: string) =>
      this.known.push({ id, kind, strict, dueMs, made, maxAttempts, cancelled: undefined });
    const nowMs = b.clock.nowMs;
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2: {
        const queue = random.pick(["", "", "other"]);
        return void know(b.queue.add("work", made, { ...options, queue }), "queue", nowMs, queue);
      }
      case 3: {
        const delaySeconds = random.below(60);
        const id = b.queue.add("work", made, { ...options, queue: "late", delaySeconds, concurrency: 3 });
        return void know(id, "queue", nowMs + delaySeconds * 1_000);
      }
      case 4:
        return void know(b.queue.add("work", made, { ...options, queue: "loose", ordered: false }), "queue", nowMs);
      case 5:
      case 6: {
        const delayMs = random.below(90_000);
        const when = random.chance(0.5) ? delayMs / 1_000 : new Date(nowMs + delayMs);
        return void know(b.schedules.add(when, "work", made, options).id, "once", nowMs + delayMs);
      }
      default: {
        const id = random.chance(0.5)
          ? b.schedules.addInterval(5 + random.below(30), "work", made, {
              ...options,
              missed: random.pick(["skip", "once"])
            }).id
          : b.schedules.add("*/20 * * * * *", "work", made, { ...options, key: `key-${random.below(2)}` }).id;
        if (!this.known.some((known) => known.id === id && known.cancelled === undefined)) know(id, "repeating", nowMs);
      }
    }
  }

  cancel(): void {
    const left = this.known.filter(({ cancelled }) => cancelled === undefined);
    if (left.length === 0) return;
    const known = this.#random.pick(left);
    if (known.kind === "queue") this.b.queue.remove(known.id);
    else this.b.schedules.cancel(known.id);
    known.cancelled = this.started.length;
  }

  pauseOrResume(): void {
    const once = this.known.filter(({ kind }) => kind !== "queue");
    if (once.length === 0) return;
    const { id } = this.#random.pick(once);
    if (!this.b.schedules.pause(id)) this.b.schedules.resume(id);
    this.#paused.add(id);
  }
  readonly #paused = new Set<string>();

  /** Ends the instance some turns from now, wherever it is then. */
  async killSoon(): Promise<void> {
    const { life } = this.b;
    for (let turns = this.#random.below(12); turns > 0; turns--) await hop();
    if (!this.#calm && this.b.life === life) void this.#kill();
  }

  async run(): Promise<void> {
    const random = this.#random;
    for (let step = 8 + random.below(20); step > 0; step--) {
      for (let count = random.below(4); count > 0; count--) this.add();
      const what = random.below(10);
      if (what === 0) this.cancel();
      if (what === 1) this.pauseOrResume();
      if (what === 2) void this.killSoon();
      if (what === 3) this.b.wake();
      if (what === 4) this.b.clock.nowMs += random.below(minute);
      if (what === 5) this.b.breakStorage(random.pick([/ORDER BY/, /SET lease/, /^DELETE/, /^UPDATE/]));
      await this.b.pass(random.below(20_000));
      this.b.breakStorage(undefined);
    }
    this.#calm = true;
    for (const id of this.#paused) this.b.schedules.resume(id);
    // What hangs is ended with the instance.
    this.b.kill();
    this.b.wake();
    this.calmAt = this.started.length;
    await this.b.pass(3 * minute);
  }
  calmAt = 0;

  /** What is not as promised. */
  problems(): string[] {
    const problems: string[] = [];
    const dead = new Set(this.b.life.dead.list().map(({ id }) => id));
    for (const known of this.known) {
      const { id, kind, cancelled } = known;
      const starts = this.#startsOf(id);
      if (cancelled !== undefined && starts.some((start) => start >= cancelled))
        problems.push(`${id} ran when cancelled`);
      if (cancelled !== undefined) continue;
      if (kind === "repeating") {
        if (!starts.some((start) => start >= this.calmAt)) problems.push(`${id} repeats no more`);
        continue;
      }
      if (!dead.has(id) && !this.completed.some((completed) => completed.id === id))
        problems.push(`${id} (${kind}) is lost`);
      if (this.b.schedules.get(id) || this.b.queue.get(id)) problems.push(`${id} (${kind}) is left`);
      const attempts = known.maxAttempts + (this.platformErrors.get(id) ?? 0);
      if (starts.length > attempts) problems.push(`${id} ran ${starts.length} times, with ${attempts} attempts`);
    }
    problems.push(...this.#disorder());
    if (this.b.errors.some((error) => !/thrown|ended during|broken storage/.test(String(error))))
      problems.push(String(this.b.errors));
    return problems;
  }

  totals(): Totals {
    return {
      kills: this.kills,
      cancelled: this.known.filter(({ cancelled }) => cancelled !== undefined).length,
      dead: this.b.life.dead.list().length,
      retried: this.b.typesOf("queue:retry").length + this.b.typesOf("schedule:retry").length,
      repeats: this.known.filter(({ kind }) => kind === "repeating").length
    };
  }

  #startsOf(id: string): number[] {
    return this.started.flatMap((other, index) => (other === id ? [index] : []));
  }

  /** One that is before another was started first; in a strict queue it was over, too. */
  #disorder(): string[] {
    const problems: string[] = [];
    for (const [index, first] of this.known.entries()) {
      for (const second of this.known.slice(index + 1)) {
        if (first.cancelled !== undefined || second.cancelled !== undefined) continue;
        const [firstStarts, secondStarts] = [this.#startsOf(first.id), this.#startsOf(second.id)];
        if (first.strict !== undefined && first.strict === second.strict && firstStarts.at(-1)! > secondStarts[0]!)
          problems.push(`${second.id} passed ${first.id} in the queue "${first.strict}"`);
        if (
          first.kind !== "once" ||
          second.kind !== "once" ||
          this.#paused.has(first.id) ||
          this.#paused.has(second.id)
        )
          continue;
        const [early, late] = first.dueMs <= second.dueMs ? [firstStarts, secondStarts] : [secondStarts, firstStarts];
        const latest = Math.max(first.made, second.made);
        if (early[0]! > late[0]! && late[0]! > latest)
          problems.push(`${first.id} and ${second.id} ran in another order`);
      }
    }
    return problems;
  }
}

const never = new AbortController().signal;

/** What was not as promised, and how much of what there was to survive. */
const simulate = (random: Random, rewrite?: (query: string) => string) =>
  withStorage(async (test) => {
    const simulation = new Simulation(test, random, rewrite);
    await simulation.run();
    return { problems: simulation.problems(), totals: simulation.totals() };
  });

it(
  `[W1] every task runs at least once, in its order, and none after its cancellation, whatever fails or is killed (${fuzzSeeds} seeds)`,
  async () => {
    const sums: Totals = { kills: 0, cancelled: 0, dead: 0, retried: 0, repeats: 0 };
    await eachSeed(async (random) => {
      const { problems, totals } = await simulate(random);
      expect(problems).toEqual([]);
      for (const key of Object.keys(sums) as (keyof Totals)[]) sums[key] += totals[key];
    }, 10);
    // A run in which nothing of this happened has shown nothing. One seed that is run again need not show all of it.
    for (const count of Object.values(sums)) expect(count).toBeGreaterThanOrEqual(Math.floor(fuzzSeeds / 2));
  },
  fuzzTimeoutMs(240_000)
);

it.each<[string, RegExp, string, RegExp]>([
  [
    "takes a task out when it claims it",
    /^UPDATE (cf_agents_queues) SET lease = \?, attempt.*? WHERE/,
    "DELETE FROM $1 WHERE ?1 IS NOT NULL AND",
    /is lost/
  ],
  [
    "does not remove what is cancelled",
    /^DELETE FROM (cf_agents_queues) WHERE id = \?$/,
    "SELECT * FROM $1 WHERE id = ?",
    /ran when cancelled/
  ],
  ["mixes up the order", /ORDER BY available_at, rowid LIMIT/, "ORDER BY rowid DESC LIMIT", /passed/],
  ["does not count attempts", /attempt = attempt \+ 1/, "attempt = attempt", /times, with/]
])(
  "[W1] an engine that %s is caught",
  async (_title, query, replacement, problem) => {
    const problems: string[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const found = await simulate(new Random(seed), (text) => text.replace(query, replacement)).catch(
        (error: unknown) => ({ problems: [String(error)] })
      );
      problems.push(...found.problems);
    }
    expect(problems.filter((text) => problem.test(text)).length).toBeGreaterThan(0);
  },
  30_000
);
