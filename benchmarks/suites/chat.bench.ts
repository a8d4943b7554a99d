// Conversations: what a chunk of an answer costs, what a turn does as the conversation grows, and what waking one reads.
import { ChatClient, textMessage, type Message } from "../harness/chat-client.ts";
import { freshName, inParallel } from "../harness/client.ts";
import { cost, measure, rate, type Metrics } from "../harness/metrics.ts";
import { scratch } from "../harness/paths.ts";
import { atMost, timesFloor, type Bench, type Lane, type Suite } from "../harness/suite.ts";
import type { Counts } from "../workers/counts.ts";

const served = { worker: "chat", className: "BenchChat", keep: true };

/** For the questions of the turns that are compared. */
const shortAnswer = "burst 20";
const firsts = 150;
const turns = 40;
/** First turns and later ones are measured by turns, so that both see the same machine. */
const batches = 4;

const filler = "the quick brown fox jumps over the lazy dog ".repeat(4);
const conversation = (length: number): Message[] =>
  Array.from({ length }, (_, index) => textMessage(index % 2 === 0 ? "user" : "assistant", filler));

/** What clients speak. The peer knows only the documented protocol, so that is what our clients speak with it. */
type Protocol = "documented" | "extended";

const openClient = (
  { implementation, server }: Pick<Lane, "implementation" | "server">,
  name: string,
  protocol: Protocol
) => ChatClient.open(server, name, { extended: protocol === "extended" && implementation.id !== "peer" });

const closeAll = (clients: ChatClient[]) => Promise.all(clients.map((client) => client.close()));

/** An answer of many chunks. */
const chunks = (
  id: string,
  title: string,
  protocol: Protocol,
  { mode, words, clients: count }: { mode: "burst" | "turns"; words: number; clients: number }
): Bench => ({
  id: `chat.${id}`,
  title: `Chat, ${title}`,
  targets: { cpu: timesFloor(1.4) },
  async run(lane) {
    const name = freshName("answer");
    const clients: ChatClient[] = [];
    for (let index = 0; index < count; index++) clients.push(await openClient(lane, name, protocol));
    const [client] = clients as [ChatClient];
    await client.ask(`${mode} ${words / 4}`);
    const before = client.bytesIn;
    const metrics = await measure(lane.server, "chunk", async () => {
      const heard = clients.map((each) => each.hear(words));
      await client.ask(`${mode} ${words}`);
      await Promise.all(heard);
      return words;
    });
    await closeAll(clients);
    return { ...metrics, bytes: cost((client.bytesIn - before) / words, "B/chunk/client") };
  }
});

/** The first turns of new conversations. Who makes its tables when somebody connects does less in the turn, so that is told too. */
const firstTurn = (id: string, title: string, protocol: Protocol): Bench => ({
  id: `chat.${id}`,
  title: `Chat, ${title}`,
  targets: { cpu: timesFloor(2.5) },
  async run(lane) {
    const open = async (count: number) => {
      const clients: ChatClient[] = [];
      while (clients.length < count) clients.push(await openClient(lane, freshName("first"), protocol));
      return clients;
    };
    const warm = await open(20);
    for (const client of warm) await client.ask(shortAnswer);
    let clients: ChatClient[] = [];
    const opened = await measure(lane.server, "connect", async () => (clients = await open(firsts)).length);
    const metrics = await measure(lane.server, "turn", async () => {
      for (const client of clients) await client.ask(shortAnswer);
      return firsts;
    });
    await closeAll([...warm, ...clients]);
    return { ...metrics, whole: cost(opened.cpu!.value + metrics.cpu!.value, "µs CPU/connection and turn") };
  }
});

/** Two tabs with a conversation of this length; the first one asks. */
async function openTabs(lane: Lane, protocol: Protocol, length: number): Promise<[ChatClient, ChatClient]> {
  const name = freshName(`tabs${length}`);
  const asking = await openClient(lane, name, protocol);
  await asking.fill(conversation(length));
  const other = await openClient(lane, name, protocol);
  for (let count = 0; count < 5; count++) await asking.ask(shortAnswer);
  return [asking, other];
}

/** Turns after 500 messages, and after 10 and none to compare, each kind a few at a time. */
const laterTurns = (id: string, title: string, protocol: Protocol, targets: Bench["targets"]): Bench => ({
  id: `chat.${id}`,
  title: `Chat, ${title}`,
  targets,
  async run(lane) {
    const short = await openTabs(lane, protocol, 10);
    const long = await openTabs(lane, protocol, 500);
    const news: [ChatClient, ChatClient][] = [];
    for (let index = 0; index < turns; index++) {
      const name = freshName("new");
      news.push([await openClient(lane, name, protocol), await openClient(lane, name, protocol)]);
    }
    const sizes = () => [short, long].map(([asking, other]) => [asking.bytesOut, other.bytesIn] as const);
    const before = sizes();
    let [firstMicros, laterMicros, seconds] = [0, 0, 0];
    for (let batch = 0; batch < batches; batch++) {
      const size = turns / batches;
      const some = async (clientAt: (index: number) => ChatClient) => {
        const { cpu, rate } = await measure(lane.server, "turn", async () => {
          for (let index = 0; index < size; index++) await clientAt(batch * size + index).ask(shortAnswer);
          return size;
        });
        return { micros: cpu!.value * size, seconds: size / rate!.value };
      };
      firstMicros += (await some((index) => news[index]![0])).micros;
      const later = await some(() => long[0]);
      laterMicros += later.micros;
      seconds += later.seconds;
      await some(() => short[0]);
    }
    const [ofShort, ofLong] = sizes().map(([up, down], index) => ({
      up: (up - before[index]![0]) / turns,
      down: (down - before[index]![1]) / turns
    }));
    await closeAll([short, long, ...news].flat());
    return {
      rate: rate(turns / seconds, "turn/s"),
      cpu: cost(laterMicros / turns, "µs CPU/turn"),
      growth: cost(laterMicros / firstMicros, "× CPU of the first turn"),
      up: cost(ofLong!.up, "B/turn up"),
      upGrowth: cost(ofLong!.up / ofShort!.up, "× B/turn up after 10"),
      down: cost(ofLong!.down, "B/turn to a second tab"),
      downGrowth: cost(ofLong!.down / ofShort!.down, "× B/turn to a second tab after 10")
    };
  }
});

const sleeping = { warm: 10, measured: 40, length: 500 };
const sleepingName = (index: number) => `sleeping-${index}`;

/** Storage with conversations of 500 messages. */
async function makeConversations(lane: Lane, worker: string, count: number): Promise<string> {
  const key = `storage of ${worker}`;
  if (!lane.memo.has(key)) {
    const storage = scratch("conversations");
    const server = await lane.start({ ...served, worker, storage });
    await inParallel(4, count, async (index) => {
      const client = await openClient({ implementation: lane.implementation, server }, sleepingName(index), "extended");
      await client.fill(conversation(sleeping.length));
      await client.close();
    });
    await server.stop();
    lane.memo.set(key, storage);
  }
  return lane.memo.get(key) as string;
}

async function runWakes(lane: Lane): Promise<Metrics> {
  const storage = await makeConversations(lane, "chat", sleeping.warm + sleeping.measured);
  const server = await lane.start({ ...served, storage });
  const wake = async (index: number) => {
    const client = await openClient({ implementation: lane.implementation, server }, sleepingName(index), "extended");
    await client.close();
  };
  for (let index = 0; index < sleeping.warm; index++) await wake(index);
  const metrics = await measure(server, "wake", async () => {
    for (let index = 0; index < sleeping.measured; index++) await wake(sleeping.warm + index);
    return sleeping.measured;
  });
  await server.stop();
  return metrics;
}

/** What is read when a client comes back, and then when it asks something that is answered without the conversation. */
async function countWakes(lane: Lane): Promise<Metrics> {
  const storage = await makeConversations(lane, "counting-chat", 1);
  const server = await lane.start({ ...served, worker: "counting-chat", storage });
  const take = async () => JSON.parse(await server.text("/counts")) as Counts;
  await take();
  const client = await openClient({ implementation: lane.implementation, server }, sleepingName(0), "extended");
  const woken = await take();
  await client.ask(shortAnswer, { answer: shortAnswer });
  const asked = await take();
  await client.close();
  await server.kill();
  return {
    rowsRead: cost(woken.rowsRead, "rows read"),
    sql: cost(woken.sql, "SQL statements"),
    allRowsRead: cost(woken.rowsRead + asked.rowsRead, "rows read, with a turn"),
    allSql: cost(woken.sql + asked.sql, "SQL statements, with a turn")
  };
}

export const chat: Suite = {
  name: "chat",
  serve: served,
  benches: [
    chunks("chunk", "chunk of 2,000 at once", "documented", { mode: "burst", words: 2000, clients: 1 }),
    chunks("chunk.ours", "the same, 1 of our clients", "extended", { mode: "burst", words: 2000, clients: 1 }),
    chunks("turns", "chunk of 1,000 in turns of the event loop", "documented", {
      mode: "turns",
      words: 1000,
      clients: 1
    }),
    chunks("turns.ours", "the same, 1 of our clients", "extended", { mode: "turns", words: 1000, clients: 1 }),
    chunks("tabs", "chunk of 500 to 10 clients", "documented", { mode: "burst", words: 500, clients: 10 }),
    chunks("tabs.ours", "the same, 10 of our clients", "extended", { mode: "burst", words: 500, clients: 10 }),
    firstTurn("first", "first turn of a conversation", "documented"),
    firstTurn("first.ours", "the same, our clients", "extended"),
    laterTurns("later", "turn after 500 messages, two tabs", "documented", {}),
    laterTurns("later.ours", "the same, our clients", "extended", {
      growth: atMost(1.1),
      upGrowth: atMost(1.01),
      downGrowth: atMost(1.01)
    }),
    { id: "chat.wake", title: "Chat, wake with 500 messages, and a connection", run: runWakes },
    {
      id: "chat.rows",
      title: "Chat, storage on a wake with 500 messages",
      targets: { rowsRead: atMost(60), allRowsRead: atMost(60) },
      run: countWakes
    }
  ]
};
