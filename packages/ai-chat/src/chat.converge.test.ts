import { env, runInDurableObject } from "cloudflare:test";
import type { UIMessage } from "ai";
import { expect, it } from "vitest";
import { fault } from "../../agents/src/test/fault";
import { connect, cut, evict, logged, type TestConnection } from "../../agents/src/test/kit";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, Random } from "../../agents/src/test/random";
import type { ChatOperationFrame } from "./protocol/frames";
import { ask, isDone, user, type Frame } from "./test/chat-kit";
import { ChatReplica } from "./test/chat-replica";

const chatter = (name: string) => env.Chatter.get(env.Chatter.idFromName(name));
type Stub = ReturnType<typeof chatter>;

interface Row {
  outcome: string | null;
  request_id: string;
}

/** What the database says, without anything that is in memory. */
const truth = (stub: Stub) =>
  runInDurableObject(stub, (_, { storage }) => {
    const read = <Value>(query: string) => storage.sql.exec(query).toArray() as unknown as Value[];
    const hasTables = read("SELECT 1 FROM sqlite_master WHERE name = 'cf_ai_chat_turns'").length > 0;
    if (!hasTables) return { messages: [] as UIMessage[], turns: [] as Row[], branches: [] as string[], chunks: 0 };
    const order = "SELECT message FROM cf_ai_chat_agent_messages ORDER BY created_at, rowid";
    const hasBranches = read("SELECT 1 FROM sqlite_master WHERE name = 'cf_ai_chat_branches'").length > 0;
    const hasChunks = read("SELECT 1 FROM sqlite_master WHERE name = 'cf_ai_chat_stream_chunks'").length > 0;
    return {
      messages: read<{ message: string }>(order).map(({ message }) => JSON.parse(message) as UIMessage),
      turns: read<Row>("SELECT outcome, request_id FROM cf_ai_chat_turns"),
      branches: hasBranches ? read<{ id: string }>("SELECT id FROM cf_ai_chat_branches").map(({ id }) => id) : [],
      chunks: hasChunks ? read<{ n: number }>("SELECT count(*) AS n FROM cf_ai_chat_stream_chunks")[0]!.n : 0
    };
  });

const canonical = (messages: readonly UIMessage[]): string => JSON.stringify(sorted(messages));
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
};

/** Where two transcripts begin to differ. */
function difference(one: string, other: string): string {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const part = (text: string) => `…${text.slice(Math.max(0, at - 60), at + 120)}…`;
  return `${part(one)} and ${part(other)}`;
}

const kinds = ["say 2", "say 5", "say 40", "tool 3", "tool 30", "ask 2", "die 3", "throw", "nothing"];

/** Some clients of one conversation, and what happens to them. */
async function simulate(random: Random, title = "") {
  // Made anew each time: one that has met a crash is broken.
  const agent = () => chatter(`converge ${random.seed} ${title}`);
  const problems: string[] = [];
  const states = new Map<string, string>();
  const took = (revision: string, messages: UIMessage[]) => {
    const known = states.get(revision);
    const text = canonical(messages);
    if (known === undefined) states.set(revision, text);
    else if (known !== text) problems.push(`two transcripts of revision ${revision}: ${difference(known, text)}`);
  };
  const replicas = Array.from({ length: 1 + random.below(4) }, (_, n) => new ChatReplica(`x${n}`, took));
  const keepsAll = random.chance(0.5);
  let documented!: TestConnection;
  let documentedAsked = 0;
  let ends = new Map<string, number>();
  let life = 0;
  const connectAll = async () => {
    const current = ++life;
    ends = new Map();
    await Promise.all(replicas.map((replica) => replica.connect(agent())));
    documented = await connect(agent(), "_pk=d", {}, (data) => {
      const frame = JSON.parse(String(data)) as Frame & { turnId?: string; epoch?: string };
      if (current !== life) return;
      if (frame.turnId !== undefined || frame.epoch !== undefined)
        problems.push(`a documented client was sent ${String(data)}`);
      if (!isDone()(frame)) return;
      ends.set(frame.id, (ends.get(frame.id) ?? 0) + 1);
      if (ends.get(frame.id)! > 1) problems.push(`a documented client heard twice that ${frame.id} is over`);
    });
  };
  let count = 0;
  const operation = (replica: ChatReplica): ChatOperationFrame => {
    const id = `r${count++}-${random.seed}`;
    const base = { type: "cf_agent_chat_operation", id } as const;
    const message = user(`u-${id}`, random.pick(kinds)) as UIMessage;
    const { messages } = replica;
    const some = random.pick(messages.length > 0 ? messages : [message]);
    const append = { ...base, operation: "append", message } as const;
    if (keepsAll || random.chance(0.5)) return append;
    switch (random.below(8)) {
      case 0:
        return {
          ...base,
          operation: "edit",
          messageId: some.id,
          message: random.chance(0.5) ? message : { ...message, id: some.id }
        };
      case 1:
        return { ...base, operation: "regenerate", messageId: some.id };
      case 2:
        return { ...base, operation: "regenerate" };
      case 3:
        return { ...base, operation: "delete", messageId: some.id };
      case 4:
        return { ...base, operation: "continue" };
      case 5:
        return random.chance(0.2) ? { ...base, operation: "clear" } : append;
      default:
        return append;
    }
  };
  const openCalls = ({ messages }: ChatReplica) =>
    messages.flatMap(({ parts }) =>
      parts.flatMap((part) => ("toolCallId" in part && part.state === "input-available" ? [part.toolCallId] : []))
    );
  const kill = async () => {
    await runInDurableObject(agent(), (_, state) => state.abort(fault.reason)).catch(() => {});
    await connectAll();
  };
  const faults: (() => unknown)[] = [
    kill,
    async () => {
      await agent().idle();
      await evict(agent());
    },
    async () => {
      await agent().idle();
      await cut(agent());
      await connectAll();
    },
    async () => {
      const replica = random.pick(replicas);
      await replica.connect(agent());
    }
  ];
  await connectAll();
  for (let step = 3 + random.below(6); step > 0; step--) {
    for (let n = random.below(4); n > 0; n--) {
      const replica = random.pick(replicas);
      replica.perform(operation(replica));
      if (random.chance(0.15)) replica.again();
      const [call] = openCalls(replica);
      if (call && random.chance(0.5))
        replica.send({ type: "cf_agent_tool_result", toolCallId: call, output: step, autoContinue: true });
      if (random.chance(0.1))
        replica.send({ type: "cf_agent_chat_request_cancel", id: `r${random.below(count)}-${random.seed}` });
    }
    if (random.chance(0.25)) {
      const known = replicas[0]!.messages;
      const id = `d${documentedAsked++}-${random.seed}`;
      documented.send(ask(id, [...known, user(`u-${id}`, random.pick(kinds))]));
    }
    if (!keepsAll && random.chance(0.1)) {
      const branched = (await truth(agent())).branches;
      if (branched.length > 0)
        replicas[0]!.perform({
          type: "cf_agent_chat_operation",
          id: `s${step}-${random.seed}`,
          operation: "select",
          messageId: random.pick(branched)
        });
    }
    if (random.chance(0.35)) await random.pick(faults)();
    if (random.chance(0.5)) await random.pick(replicas).barrier();
  }
  // What is sent again may begin a turn.
  for (let round = 0, calm = 0; round < 12 && calm < 3; round++) {
    await agent().idle();
    for (const replica of replicas) {
      replica.again();
      await replica.barrier();
    }
    await documented.settled();
    if (replicas.every(({ isSettled }) => isSettled)) calm++;
  }
  const { messages, turns, branches, chunks } = await truth(agent());
  for (const replica of replicas) {
    problems.push(...replica.problems);
    if (!replica.isSettled) problems.push(`${replica.id} waits for ${[...replica.pending.keys()].join()}`);
    if (canonical(replica.messages) !== canonical(messages))
      problems.push(
        `${replica.id} has other than is stored: ${difference(canonical(replica.messages), canonical(messages))}`
      );
    for (const id of replica.accepted) {
      const known = turns.filter(({ request_id }) => request_id === id).length;
      if (known !== 1) problems.push(`${known} turns of ${id}`);
      const isThere = messages.some((message) => message.id === `u-${id}`);
      if (keepsAll && !isThere) problems.push(`what ${id} said is lost`);
    }
    for (const [id, code] of replica.refused) {
      // Refused while another was answered, it may be accepted when it comes again, and a crash may take the word of that.
      if (replica.accepted.has(id) || (code === "CHAT_BUSY" && replica.repeated.has(id))) continue;
      if (messages.some((message) => message.id === `u-${id}`)) problems.push(`${id} was refused, and is stored`);
    }
  }
  if (new Set(messages.map(({ id }) => id)).size !== messages.length) problems.push("a message is there twice");
  if (turns.some(({ outcome }) => outcome === null)) problems.push("a turn has no end");
  if (chunks > 0) problems.push("the log was not emptied");
  if (branches.some((id) => messages.some((message) => message.id === id)))
    problems.push("a message is in two branches");
  // Thousands of agents would fill the memory.
  await cut(agent());
  return { replicas, problems, turns };
}

const parallel = 10;

it(
  `[C4] clients agree with the database, and every turn ends once, whatever is cut, killed or sent twice (${fuzzSeeds} seeds)`,
  async () => {
    const total = { syncs: 0, turns: 0, interrupted: 0, refused: 0 };
    await logged(() =>
      eachSeed(async (random) => {
        const { replicas, problems, turns } = await simulate(random);
        expect(problems).toEqual([]);
        total.turns += turns.length;
        total.interrupted += turns.filter(({ outcome }) => outcome === "interrupted").length;
        for (const { syncs, refused } of replicas) {
          total.syncs += syncs;
          total.refused += refused.size;
        }
      }, parallel)
    );
    // A run in which nothing of this happened has shown nothing.
    expect(total.turns).toBeGreaterThan(fuzzSeeds);
    if (fuzzSeeds >= 100) for (const n of Object.values(total)) expect(n).toBeGreaterThan(fuzzSeeds / 20);
  },
  fuzzTimeoutMs(240_000)
);

/** Has some changes of the transcript keep the revision that was there before. */
async function withoutSomeRevisions(run: () => Promise<unknown>): Promise<void> {
  type Exec = (this: SqlStorage, query: string, ...values: unknown[]) => unknown;
  const prototype = await runInDurableObject(
    chatter("any"),
    (_, { storage }) => Object.getPrototypeOf(storage.sql) as { exec: Exec }
  );
  const { exec } = prototype;
  let changes = 0;
  prototype.exec = function (query, ...values) {
    // The last value of the statement that stores a message.
    const isLost = query.startsWith("INSERT INTO cf_ai_chat_agent_messages") && ++changes % 3 === 0;
    return exec.call(this, query, ...(isLost ? [...values.slice(0, -1), Number(values.at(-1)) - 1] : values));
  };
  try {
    await run();
  } finally {
    prototype.exec = exec;
  }
}

it("[C4] a server that skips a revision is caught", { timeout: 60_000 }, async () => {
  await logged(() =>
    withoutSomeRevisions(async () => {
      const seeds = Array.from({ length: 30 }, (_, seed) => new Random(seed));
      const runs = await Promise.all(seeds.map((random) => simulate(random, "skipping")));
      const caught = runs.filter(({ problems }) => problems.some((problem) => problem.includes("two transcripts")));
      expect(caught.length).toBeGreaterThan(0);
    })
  );
});
