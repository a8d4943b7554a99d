import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { fault } from "../test/fault";
import { connect, errorOf, evict, metaOf, type Received, type TestConnection } from "../test/kit";

afterEach(() => fault.reset());

const recorder = (name: string, { late }: Pick<Operation, "late"> = {}) => {
  const namespace = late ? env.LateRecorder : env.Recorder;
  return namespace.get(namespace.idFromName(name));
};
const isState = (n: number) => (frame: Received) => {
  const { type, state } = (frame ?? {}) as { type?: string; state?: { n?: number } };
  return type === "cf_agent_state" && state?.n === n;
};

const isAck = (frame: Received) => (frame as { type?: string }).type === "cf_agent_state_ack";

interface Operation {
  /** The instance is not in memory when the operation begins. */
  cold?: boolean;
  /** Its `onStart` waits for something. */
  late?: boolean;
  /** Over in one turn: there is no await at which it could be killed. */
  atOnce?: boolean;
  /** The clients take part in the extensions of the protocol. */
  extended?: boolean;
  /** Makes the state 2, from the connection `writer`. */
  start(writer: TestConnection): void;
  /** Whether a client was told that the state is 2: the writer by its answer, the observer by a frame. */
  acknowledged(writer: readonly Received[], observer: readonly Received[]): boolean;
}

const operations: [string, Operation][] = [
  [
    "setState in a call",
    {
      atOnce: true,
      start: (writer) => writer.send({ type: "rpc", id: "x", method: "set", args: [2] }),
      acknowledged: (writer, observer) =>
        writer.some(
          (frame) =>
            (frame as { id?: string; success?: boolean }).id === "x" &&
            (frame as { success?: boolean }).success === true
        ) || [...writer, ...observer].some(isState(2))
    }
  ],
  [
    "a state frame of a client",
    {
      atOnce: true,
      start: (writer) => writer.send({ type: "cf_agent_state", state: { n: 2 } }),
      acknowledged: (_, observer) => observer.some(isState(2))
    }
  ],
  [
    "setState in a call that takes its time",
    {
      start: (writer) => writer.send({ type: "rpc", id: "x", method: "setLater", args: [2] }),
      acknowledged: (writer, observer) => [...writer, ...observer].some(isState(2))
    }
  ],
  [
    "setState in a call that wakes the agent",
    {
      cold: true,
      atOnce: true,
      start: (writer) => writer.send({ type: "rpc", id: "x", method: "set", args: [2] }),
      acknowledged: (writer, observer) => [...writer, ...observer].some(isState(2))
    }
  ],
  [
    "setState in a call that wakes an agent with a start that takes its time",
    {
      cold: true,
      late: true,
      start: (writer) => writer.send({ type: "rpc", id: "x", method: "set", args: [2] }),
      acknowledged: (writer, observer) => [...writer, ...observer].some(isState(2))
    }
  ],
  [
    "a state frame that is answered",
    {
      atOnce: true,
      extended: true,
      start: (writer) => writer.send({ type: "cf_agent_state", state: { n: 2 }, writeId: "w" }),
      acknowledged: (writer, observer) => writer.some(isAck) || observer.some(isState(2))
    }
  ],
  [
    "a state frame that is answered, and wakes the agent",
    {
      extended: true,
      cold: true,
      atOnce: true,
      start: (writer) => writer.send({ type: "cf_agent_state", state: { n: 2 }, writeId: "w", ifRevision: 2 }),
      acknowledged: (writer, observer) => writer.some(isAck) || observer.some(isState(2))
    }
  ],
  [
    "a state frame that is answered, and wakes an agent with a start that takes its time",
    {
      extended: true,
      cold: true,
      late: true,
      start: (writer) => writer.send({ type: "cf_agent_state", state: { n: 2 }, writeId: "w", ifRevision: 2 }),
      acknowledged: (writer, observer) => writer.some(isAck) || observer.some(isState(2))
    }
  ]
];

/** Two clients of an agent whose state is 1, and is known to be so. */
async function prepare(name: string, { cold, late, extended }: Operation) {
  const stub = recorder(name, { late });
  const open = (id: string) => connect(stub, extended ? `_pk=${id}&_agents_ext=1` : `_pk=${id}`);
  const [writer, observer] = await Promise.all([open("w"), open("o")]);
  await writer.call("set", 1);
  await writer.settled();
  await observer.settled();
  const { epoch } = await storedBy(stub);
  if (cold) await evict(stub);
  return { stub, writer, observer, epoch };
}

type Row = { state: string; epoch: string; revision: number };
const storedBy = (stub: ReturnType<typeof recorder>) =>
  runInDurableObject(stub, (_, { storage }) =>
    storage.sql.exec<Row>("SELECT state, epoch, revision FROM cf_agents_state WHERE id = 'cf_state_row_id'").one()
  );

const crashes = [
  ["that keeps what was written", true],
  ["that loses what was not yet confirmed", false]
] as const;

it.each(operations.filter(([, { atOnce }]) => atOnce))(
  "[C24] [S7] %s is over before anything can come between",
  async (title, operation) => {
    const { stub, writer } = await prepare(`${title} at once`, operation);
    const points = await fault.count(async () => {
      operation.start(writer);
      await writer.settled();
    });
    expect(points).toBe(0);
    expect((await storedBy(stub)).state).toBe('{"n":2}');
  }
);

describe.each(operations.filter(([, { atOnce }]) => !atOnce))("[S7] %s", (title, operation) => {
  it.each(crashes)("killed at any await, by a crash %s, leaves the old state or the new one", async (_crash, sync) => {
    const { start, acknowledged } = operation;
    const counted = await prepare(`${title} ${sync} counted`, operation);
    const points = await fault.count(async () => {
      start(counted.writer);
      await counted.writer.settled();
    });
    const left: string[] = [];
    for (let n = 1; n <= points; n++) {
      const { stub, writer, observer, epoch } = await prepare(`${title} ${sync} ${n}`, operation);
      const context = await runInDurableObject(stub, (_, state) => state);
      const kill = () => context.abort(fault.reason);
      fault.stopAt(n, () => (sync ? context.storage.sync().then(kill) : kill()));
      start(writer);
      // What `settled` sent when the points were counted: some of them are its own.
      writer.send({ type: "rpc", id: "barrier", method: "", args: [] });
      await Promise.all([writer.closed, observer.closed]);

      const stored = await storedBy(recorder(`${title} ${sync} ${n}`, operation));
      const place = `point ${n} of ${points}: ${fault.stoppedAt}`;
      // The initial state was the first.
      expect(
        [
          { state: '{"n":1}', epoch, revision: 2 },
          { state: '{"n":2}', epoch, revision: 3 }
        ],
        place
      ).toContainEqual(stored);
      if (acknowledged(writer.pending, observer.pending)) expect(stored.state, place).toBe('{"n":2}');
      const again = await connect(recorder(`${title} ${sync} ${n}`, operation));
      expect(await again.call("set", 3), place).toMatchObject({ result: 3 });
      left.push(stored.state);
    }
    console.log(
      `${title}, a crash ${_crash}: ${points} points, ${left.filter((state) => state === '{"n":2}').length} left the new state`
    );
    expect(points).toBeGreaterThan(0);
  });
});

describe.each([
  ["a new agent", { late: false, least: 1 }],
  ["a new agent with a start that takes its time", { late: true, least: 2 }]
])("[S4] the first connection of %s", (title, { late, least }) => {
  it.each(crashes)("killed at any await, by a crash %s, leaves a whole state or none", async (_crash, sync) => {
    const name = (n: number | string) => `${title} ${sync} ${n}`;
    const first = (n: number | string) => recorder(name(n), { late });
    const points = await fault.count(() => connect(first("counted")));
    for (let n = 1; n <= points; n++) {
      const context = await runInDurableObject(first(n), (_, state) => state);
      const kill = () => context.abort(fault.reason);
      fault.stopAt(n, () => (sync ? context.storage.sync().then(kill) : kill()));
      expect((await errorOf(() => connect(first(n)))).message).toBe(fault.reason);

      const place = `point ${n} of ${points}: ${fault.stoppedAt}`;
      const [tables, meta] = await runInDurableObject(first(n), (_, { storage }) => [
        storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'cf_agents_state'").toArray().length,
        metaOf(storage)
      ]);
      expect(
        [
          [0, undefined],
          [1, { versions: { state: 2 }, wakes: {}, name: name(n) }]
        ],
        place
      ).toContainEqual([tables, meta]);
      const connection = await connect(first(n));
      expect(await connection.next("cf_agent_state"), place).toMatchObject({ state: { n: 0 } });
    }
    console.log(`the first connection of ${title}, a crash ${_crash}: ${points} points`);
    expect(points).toBeGreaterThanOrEqual(least);
  });
});
