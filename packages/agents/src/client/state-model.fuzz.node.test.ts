import { expect, it } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, Random } from "../test/random";
import { FakeClock } from "./fake-clock.node";
import { FakeStateServer, type Line } from "./fake-state-server.node";
import { Link } from "./link";
import { decodeServerFrame } from "./server-frames";
import { StateModel } from "./state-model";

type State = { bad?: true; [key: string]: unknown };

/** A client without a socket: frames travel when the test says so, and are lost when it cuts the line. */
class FakeClient {
  readonly model: StateModel<State>;
  refusals = 0;
  /** What a program that listens would show. */
  shown: State | undefined;
  readonly #server: FakeStateServer;
  readonly #link: Link;
  readonly #drops: (frame: { type: string }) => boolean;
  #line: Line | undefined;
  #up: string[] = [];
  #down: string[] = [];

  /** @param drops a bug: frames that the client does not heed */
  constructor(server: FakeStateServer, drops: (frame: { type: string }) => boolean) {
    this.#server = server;
    this.#drops = drops;
    this.#link = new Link({
      clock: new FakeClock(),
      isOpen: () => this.#line !== undefined,
      transmit: (data) => this.#up.push(data as string),
      settled: (isExtended) => this.model.connected(isExtended),
      greeted: () => this.model.greeted(),
      dead() {}
    });
    this.model = new StateModel<State>({
      queue: (key, data) => this.#link.send({ data, key, take: (isExtended) => this.model.take(key, isExtended) }),
      unqueue: (key) => this.#link.outbox.endsWith(key) && this.#link.outbox.remove(key),
      send: (text) => this.#up.push(text),
      changed: (state) => (this.shown = state),
      refused: () => this.refusals++
    });
  }

  get isConnected(): boolean {
    return this.#line !== undefined;
  }

  /** Whether it is connected, and told of revisions. */
  get follows(): boolean {
    return this.#line?.isExtended ?? false;
  }

  connect(isExtended = true, isReadonly = false): void {
    this.#line = { isExtended, isReadonly, send: (frame) => this.#down.push(JSON.stringify(frame)) };
    this.#link.opened();
    this.#server.connect(this.#line);
  }

  /** What is on its way is lost, in both directions. */
  cut(): void {
    if (!this.#line) return;
    this.#server.disconnect(this.#line);
    this.#line = undefined;
    this.#up = [];
    this.#down = [];
    this.#link.closed();
    this.model.disconnected(true);
  }

  /** A message that is not ours, behind the writes that wait: they cannot take each other's place then. */
  say(): void {
    this.#link.send({ data: "message" });
  }

  /** The next frame arrives at the server. */
  deliverUp(): boolean {
    const text = this.#up.shift();
    if (text === undefined) return false;
    if (text !== "message") this.#server.receive(this.#line!, JSON.parse(text));
    return true;
  }

  /** The next frame arrives here. */
  deliverDown(): boolean {
    const text = this.#down.shift();
    if (text === undefined) return false;
    const frame = decodeServerFrame(text);
    if (!frame) throw new Error(`What is ${text}?`);
    this.#link.received(frame);
    if (this.#drops(frame)) return true;
    if (frame.type === "cf_agent_state") this.model.received(frame);
    if (frame.type === "cf_agent_state_patch") this.model.patched(frame);
    if (frame.type === "cf_agent_state_ack") this.model.acknowledged(frame);
    if (frame.type === "cf_agent_state_reject") this.model.rejected(frame);
    return true;
  }
}

function run(random: Random, drops: (frame: { type: string }) => boolean = () => false): void {
  const chance = (outOf: number) => random.below(outOf) === 0;
  const server = new FakeStateServer(() => !chance(3));
  const clients = Array.from({ length: 1 + random.below(3) }, () => new FakeClient(server, drops));
  const hasEpochs = chance(2);
  const hasPlain = chance(4);
  const hasGaps = chance(2);
  let count = 0;

  const next = (state: State | undefined): State => {
    const changed: State = { ...state, [`k${random.below(4)}`]: { n: ++count, list: [random.below(3)] } };
    if (chance(3)) delete changed[`k${random.below(4)}`];
    if (chance(10)) changed.bad = true;
    else delete changed.bad;
    return changed;
  };
  const connect = (client: FakeClient) => client.connect(!(hasPlain && chance(3)), chance(8));
  const settle = () => {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const client of clients) while (client.deliverUp() || client.deliverDown()) isBusy = true;
    }
  };
  const step = (client: FakeClient) => {
    switch (random.below(12)) {
      case 0:
        return client.isConnected ? client.cut() : connect(client);
      case 1:
        return client.isConnected ? undefined : connect(client);
      case 2:
      case 3: {
        const { revision = 0 } = client.model;
        const ifRevision = chance(4) ? ([true, revision, revision + 1] as const)[random.below(3)] : undefined;
        return client.model.write(next(client.model.state), ifRevision);
      }
      case 4:
        if (chance(2)) return client.say();
        if (hasGaps && chance(2)) return server.setUnheard(next(JSON.parse(server.text ?? "{}")));
        return server.set(next(JSON.parse(server.text ?? "{}")));
      case 5:
        if (!hasEpochs || !chance(4)) return;
        for (const other of clients) other.cut();
        return server.beginAnew(chance(2) ? next(undefined) : undefined);
      default:
        return random.below(2) ? client.deliverUp() : client.deliverDown();
    }
  };
  const agree = (when: string, among = clients) => {
    settle();
    const state = server.text === undefined ? undefined : JSON.parse(server.text);
    for (const { model, shown } of among) {
      expect([model.state, shown, model.revision ?? 0], when).toEqual([state, state, server.revision]);
    }
  };

  for (let steps = 30 + random.below(60); steps > 0; steps--) step(random.pick(clients));
  // Whoever missed a change finds out by the next one, without a new connection.
  settle();
  if (hasGaps) server.setUnheard(next(JSON.parse(server.text ?? "{}")));
  server.set({ ...JSON.parse(server.text ?? "{}"), last: ++count });
  agree(
    "after a change that all hear of",
    clients.filter(({ follows }) => follows)
  );
  for (const client of clients) {
    client.cut();
    client.connect();
  }
  agree("after all");
  // A write that still waits for an answer would hide this.
  server.set({ last: ++count });
  agree("after one more change");

  // The newest write is never lost, wherever the line breaks, if nobody else writes.
  const writer = random.pick(clients);
  const last = { n: ++count };
  if (chance(2)) writer.cut();
  writer.model.write(last);
  if (chance(2)) writer.deliverUp();
  writer.cut();
  writer.connect();
  agree("after the last write");
  expect(server.text, "the last write").toBe(JSON.stringify(last));
}

it(
  `converges with the agent's state, whatever is lost (${fuzzSeeds} seeds)`,
  () => expect(eachSeed((random) => run(random))).resolves.toBeUndefined(),
  fuzzTimeoutMs(20_000)
);

it.each(["cf_agent_state_ack", "cf_agent_state_patch", "cf_agent_state_reject"])(
  "would not, if one %s were skipped",
  (type) => {
    const caught = Array.from({ length: 300 }, (_, seed) => {
      let isSkipped = false;
      const drops = (frame: { type: string }) => !isSkipped && (isSkipped = frame.type === type);
      try {
        run(new Random(seed), drops);
        return false;
      } catch {
        return true;
      }
    });
    expect(caught.filter(Boolean).length).toBeGreaterThan(20);
  }
);
