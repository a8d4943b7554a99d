import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect, cut, evict, logged, type TestConnection } from "../test/kit";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, Random } from "../test/random";
import { Replica, type Flaw } from "../test/replica";

type Item = { id: number; text: string };
type Value = { items?: Item[]; fields?: Record<string, unknown>; n: number; bad?: boolean };
const board = (name: string) => env.Board.get(env.Board.idFromName(`converge-${name}`));
type Stub = ReturnType<typeof board>;

const initial = (): Value => ({
  items: Array.from({ length: 12 }, (_, id) => ({ id, text: `item ${id}, which says something` })),
  fields: { "a/b": 1, "c~d": { e: [] }, __proto: null },
  n: 0
});

/** A state that grew out of another one, as programs make them. */
function grown(from: Value | undefined | null, random: Random): Value {
  const next = from ? structuredClone(from) : initial();
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const items = (next.items ??= []);
    const at = random.below(items.length + 1);
    const item = { id: random.below(1_000), text: random.pick(["", "new", 'q"\\', "€😀", "{[,:"]) };
    const key = random.pick(["a/b", "c~d", "", "__proto__", "new"]);
    switch (random.below(7)) {
      case 0:
        items.splice(at, 0, item);
        break;
      case 1:
        items.splice(at, 1 + random.below(2));
        break;
      case 2:
        items[random.below(items.length || 1)] = item;
        break;
      case 3:
        Object.defineProperty((next.fields ??= {}), key, {
          value: random.below(9),
          configurable: true,
          enumerable: true,
          writable: true
        });
        break;
      case 4:
        delete next.fields?.[key];
        break;
      case 5:
        if (random.below(4) === 0) return { n: random.below(9) };
        return initial();
      default:
        next.n = random.below(1_000);
    }
  }
  return next;
}

const stored = (stub: Stub) =>
  runInDurableObject(stub, (_, { storage }) => {
    const query = "SELECT state FROM cf_agents_state WHERE id = 'cf_state_row_id'";
    return JSON.parse(storage.sql.exec<{ state: string }>(query).one().state) as unknown;
  });

/** What an older release does, which knows no revisions: writes the row, and tells everybody the state. */
const writeAsOlderRelease = (stub: Stub, state: Value) =>
  runInDurableObject(stub, (agent, { storage }) => {
    const text = JSON.stringify(state);
    storage.sql.exec("INSERT OR REPLACE INTO cf_agents_state (id, state) VALUES ('cf_state_row_id', ?)", text);
    agent.broadcast(`{"type":"cf_agent_state","state":${text}}`);
  });

/** Some clients of one agent, and what happened to them. */
async function simulate(random: Random, flaw?: Flaw) {
  const stub = board(`${random.seed} ${flaw ?? ""}`);
  /** A revision is one state, whoever has it and however it came by it. */
  const states = new Map<string, string>();
  const problems: string[] = [];
  const took = (revision: string, state: unknown) => {
    const known = states.get(revision);
    if (known === undefined) states.set(revision, canonical(state));
    else if (known !== canonical(state))
      problems.push(`two states of revision ${revision}: ${known} and ${canonical(state)}`);
  };
  // One patch may get lost on its way: its client has to find that out.
  const loss = flaw === undefined && random.below(3) === 0 ? "loses a patch" : undefined;
  const flaws: Record<string, Flaw | undefined> = { a: flaw, b: loss };
  const replicas = ["a", "b", "c"].map((id) => new Replica(id, took, flaws[id]));
  let documented!: TestConnection;
  const connectAll = async () => {
    for (const replica of replicas) await replica.connect(stub);
    documented = await connect(stub, "_pk=d");
  };
  /** Only what is in memory can be evicted. */
  const awake = () => runInDurableObject(stub, () => stub);
  const settle = async () => {
    for (let round = 0; round < 10; round++) {
      for (const replica of replicas) await replica.barrier();
      await documented.settled();
      if (replicas.every(({ isSettled }) => isSettled)) return;
    }
  };
  const steps: (() => unknown)[] = [
    () => runInDurableObject(stub, (agent) => agent.setState(grown(agent.state as Value, random))),
    () => runInDurableObject(stub, (agent) => ((agent.state.n = random.below(99)), agent.setState(agent.state))),
    () => documented.send({ type: "cf_agent_state", state: grown(initial(), random) }),
    async () => evict(await awake()),
    async () => {
      await cut(await awake());
      await connectAll();
    },
    async () => {
      await settle();
      await evict(await awake());
      await writeAsOlderRelease(stub, grown(initial(), random));
    },
    settle
  ];
  await runInDurableObject(stub, (agent) => agent.setState(initial()));
  await connectAll();
  for (let step = 3 + random.below(6); step > 0; step--) {
    if (random.below(2) === 0) await random.pick(steps)();
    // Nobody waits for anybody: what one client writes crosses what the others do.
    for (let writes = random.below(4); writes > 0; writes--) {
      const replica = random.pick(replicas);
      const next = grown(replica.shown as Value, random);
      replica.write(random.below(8) === 0 ? { ...next, bad: true } : next, random.below(4) === 0);
    }
  }
  await settle();
  // If the patch is lost only now, the last change does not fit.
  for (let n = 0; n < 3; n++) {
    await runInDurableObject(stub, (agent) => agent.setState({ ...initial(), n }));
    await settle();
  }
  const truth = canonical(await stored(stub));
  for (const { name, isSettled, state } of replicas) {
    if (!isSettled) problems.push(`${name} waits for an answer`);
    else if (canonical(state) !== truth) problems.push(`${name} has ${canonical(state)}, stored is ${truth}`);
  }
  // Thousands of agents would fill the memory.
  await cut(stub);
  return { replicas, problems };
}

const canonical = (value: unknown): string => JSON.stringify(sorted(value));

/** Fields have no order, and patches keep none. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
};

const parallel = 15;

it(
  `[S11] clients converge to the database under random writes, evictions, cuts and older releases (${fuzzSeeds} seeds)`,
  async () => {
    const total = { patches: 0, pulls: 0, rejections: 0 };
    await logged(() =>
      eachSeed(async (random) => {
        const { replicas, problems } = await simulate(random);
        expect(problems).toEqual([]);
        for (const key of ["patches", "pulls", "rejections"] as const)
          for (const replica of replicas) total[key] += replica[key];
      }, parallel)
    );
    // A run in which nothing of this happened has shown nothing.
    for (const count of Object.values(total)) expect(count).toBeGreaterThanOrEqual(Math.floor(fuzzSeeds / 10));
  },
  fuzzTimeoutMs(120_000)
);

it.each<[Flaw, string]>([
  ["skips a patch", "two states of revision"],
  ["skips an acknowledgement", "a waits for an answer"]
])(
  "[S11] a client that %s is caught",
  async (flaw, problem) => {
    await logged(async () => {
      const runs = await Promise.all(Array.from({ length: parallel }, (_, seed) => simulate(new Random(seed), flaw)));
      expect(runs.flatMap(({ problems }) => problems).filter((text) => text.includes(problem)).length).toBeGreaterThan(
        0
      );
    });
  },
  60_000
);

it("[S11] a client that loses a patch asks for the state, and has it", async () => {
  const stub = board("loses");
  const [whole, loser] = [new Replica("whole"), new Replica("loser", undefined, "loses a patch")];
  await runInDurableObject(stub, (agent) => agent.setState(initial()));
  for (const replica of [whole, loser]) await replica.connect(stub);
  for (const n of [1, 2, 3]) await runInDurableObject(stub, (agent) => agent.setState({ ...initial(), n }));
  for (let round = 0; round < 2; round++) for (const replica of [whole, loser]) await replica.barrier();
  expect([whole.state, loser.state]).toEqual([
    { ...initial(), n: 3 },
    { ...initial(), n: 3 }
  ]);
  expect([whole.pulls, loser.pulls > 0]).toEqual([0, true]);
});
