import type { Capability } from "../core/capability";
import { installCapability, type CapabilityKit } from "../capability";
import {
  Agent,
  callable,
  getAgentByName,
  getCurrentAgent,
  type Connection,
  type ConnectionContext,
  type StreamingResponse,
  type WSMessage
} from "../index";

type Seen = { event: string; detail?: unknown };

/** An agent that writes down what happens to it. */
export class Recorder extends Agent<Cloudflare.Env, { n: number }, { who?: string }> {
  override initialState = { n: 0 };
  readonly seen: Seen[] = [];
  readonly traced: [where: string, context: object][] = [];
  #trace(where: string): void {
    this.traced.push([where, describeContext()]);
  }
  override onStart(props?: { who?: string }) {
    this.#trace("onStart");
    this.seen.push({ event: "start", detail: props?.who });
  }
  override onConnect(connection: Connection, { request }: ConnectionContext) {
    this.#trace("onConnect");
    this.seen.push({ event: "connect", detail: connection.id });
    const { searchParams } = new URL(request.url);
    const refuse = searchParams.get("refuse");
    if (refuse) connection.close(4001, refuse);
    if (searchParams.has("throw")) throw new Error("thrown in onConnect");
  }
  override onMessage(_connection: Connection, message: WSMessage) {
    this.#trace("onMessage");
    this.seen.push({
      event: "message",
      detail: typeof message === "string" ? message : (message as ArrayBuffer).byteLength
    });
    if (message === "throw") throw new Error("thrown in onMessage");
  }
  override onClose(connection: Connection, code: number, reason: string) {
    this.#trace("onClose");
    this.seen.push({ event: "close", detail: [connection.id, code, reason] });
    if (reason === "throw") throw new Error("thrown in onClose");
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.#trace("onError");
    const prefix = error === undefined ? "" : `${(connectionOrError as Connection).id}: `;
    this.seen.push({ event: "error", detail: prefix + String(error ?? connectionOrError) });
  }
  override onStateChanged(state: { n: number }, source: Connection | "server"): void | Promise<void> {
    this.#trace("onStateChanged");
    this.seen.push({ event: "state", detail: [state.n, source === "server" ? source : source.id] });
    if (state.n === 13) throw new Error("thrown in onStateChanged");
    if (state.n === 14) return Promise.reject(new Error("rejected in onStateChanged"));
    // As a function in JavaScript that is one expression.
    if (state.n === 15) return this.seen.length as unknown as undefined;
    if (state.n === 100) this.setState({ n: 101 });
  }
  override validateStateChange(next: { n: number }) {
    if (next.n < 0) throw new Error("negative");
  }
  override onRequest(request: Request) {
    if (new URL(request.url).pathname.endsWith("/throw")) throw new Error("thrown in onRequest");
    return Response.json({ name: this.name, n: this.state.n, context: describeContext() });
  }
  override shouldConnectionBeReadonly(_connection: Connection, { request }: ConnectionContext) {
    this.#trace("shouldConnectionBeReadonly");
    return new URL(request.url).searchParams.has("readonly");
  }
  override shouldSendProtocolMessages(_connection: Connection, { request }: ConnectionContext) {
    return !new URL(request.url).searchParams.has("silent");
  }
  override getConnectionTags(_connection: Connection, { request }: ConnectionContext) {
    this.#trace("getConnectionTags");
    return new URL(request.url).searchParams.getAll("tag");
  }

  /** Not callable by clients; by stubs, as everything. */
  events(): Seen[] {
    return this.seen;
  }
  get size(): number {
    return this.seen.length;
  }
  tripled(): number {
    return this.plain() * 3;
  }
  tripledText(text: string): string {
    return text.repeat(3);
  }
  plain(): number {
    return this.state.n;
  }
  context() {
    return describeContext();
  }
  say(message: string) {
    this.broadcast(message);
  }
  ids(): string[] {
    return this.getConnections()
      .map(({ id }) => id)
      .sort();
  }
  tagged(tag: string): string[] {
    return this.getConnections(tag)
      .map(({ id }) => id)
      .sort();
  }
  explode() {
    throw new Error("thrown in a method");
  }
  async explodeDeeply() {
    await null;
    return this.explode();
  }
  async explodeSafely() {
    try {
      return await this.explodeDeeply();
    } catch (error) {
      return String(error);
    }
  }
  query() {
    return this.sql`SELECT * FROM missing WHERE secret = ${"secret"}`;
  }

  @callable({ description: "Adds" })
  add(a: number, b: number) {
    return a + b;
  }
  @callable()
  set(n: number) {
    this.setState({ n });
    return this.state.n;
  }
  @callable()
  async setLater(n: number) {
    await this.ctx.storage.get("nothing");
    return this.set(n);
  }
  @callable()
  setInTimer(n: number) {
    return new Promise((resolve, reject) => setTimeout(() => void this.setLater(n).then(resolve, reject)));
  }
  @callable()
  boom() {
    throw new Error("boom!");
  }
  @callable()
  async boomText() {
    await null;
    // A program may throw anything.
    // oxlint-disable-next-line no-throw-literal
    throw "text";
  }
  @callable()
  brokenQuery() {
    return this.query();
  }
  @callable()
  nothing() {}
  @callable()
  functional() {
    return () => {};
  }
  readonly #held: (() => void)[] = [];
  @callable()
  async held() {
    await new Promise<void>((resolve) => this.#held.push(resolve));
    return "released";
  }
  holds(): number {
    return this.#held.length;
  }
  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }
  @callable({ streaming: true })
  async heldStream(stream: StreamingResponse) {
    await stream.send(1);
    await this.held();
    await stream.send(2);
  }
  @callable({ streaming: true })
  unsendable(stream: StreamingResponse) {
    // As most programs do it: without waiting.
    void stream.send(1);
    void stream.send(2n);
  }
  @callable({ streaming: true })
  unendable(stream: StreamingResponse) {
    stream.end(1n);
  }
  @callable({ streaming: true })
  endedThenThrows(stream: StreamingResponse) {
    stream.end();
    throw new Error("too late");
  }
  @callable({ streaming: true })
  brokenStream() {
    this.query();
  }
  @callable()
  unserializable() {
    return 1n;
  }
  @callable()
  async where() {
    await null;
    return describeContext();
  }
  @callable()
  whereInTimer() {
    return new Promise((resolve) => setTimeout(() => resolve(describeContext())));
  }
  @callable()
  whereInMicrotask() {
    return new Promise((resolve) => queueMicrotask(() => resolve(describeContext())));
  }
  @callable()
  async whereAfterStorage() {
    await this.ctx.storage.sync();
    return describeContext();
  }
  @callable()
  async whereInParallel() {
    const [, context] = await Promise.all([this.ctx.storage.sync(), this.whereInTimer()]);
    return context;
  }
  @callable()
  async askOther(name: string) {
    const other = await (await getAgentByName(this.env.Recorder, name)).context();
    return { other, own: describeContext() };
  }
  /** Hands on what a stub promises: a promise that is a function, too. */
  @callable()
  relay(name: string, what: "plain" | "query") {
    return this.env.Recorder.getByName(name)[what]();
  }
  @callable()
  mark(connectionState: unknown) {
    const { connection } = getCurrentAgent();
    return connection?.setState(connectionState);
  }
  @callable()
  marked(): unknown {
    return getCurrentAgent().connection?.state;
  }
  @callable({ streaming: true })
  async count(stream: StreamingResponse, to: number) {
    for (let i = 0; i < to; i++) await stream.send({ i });
    stream.end("fin");
    await stream.send("late");
  }
  @callable({ stream: true })
  async forgetful(stream: StreamingResponse) {
    await stream.write(1);
  }
  @callable({ streaming: true })
  async midway(stream: StreamingResponse) {
    await stream.send(1);
    throw new Error("mid");
  }
  @callable({ streaming: true })
  async gentle(stream: StreamingResponse) {
    await stream.send(1);
    stream.error("custom");
  }
}

/** Waits for something before it has started. */
export class LateRecorder extends Recorder {
  override async onStart(props?: { who?: string }) {
    await Promise.resolve();
    super.onStart(props);
  }
}

function describeContext() {
  const { agent, connection, request, email } = getCurrentAgent();
  return { agent: agent?.name, connection: connection?.id, request: request?.method, email };
}

/** Has the base class's methods, one of them overridden without the decorator. */
export class Heir extends Recorder {
  static override options = { sendIdentityOnConnect: false };
  override add(): never {
    throw new Error("not for clients");
  }
}

/** Nothing of its own, no state. */
export class Blank extends Agent {}

/** Wakes when it was told to. */
class Chime implements Capability {
  readonly name = "chime";
  readonly #kit: CapabilityKit;
  readonly #ring: () => void;
  #atMs: number | undefined;
  constructor(kit: CapabilityKit, ring: () => void) {
    this.#kit = kit;
    this.#ring = ring;
  }
  at(atMs: number | undefined): void {
    this.#atMs = atMs;
    this.#kit.changed();
  }
  nextWake(): number | undefined {
    return this.#atMs;
  }
  onWake(): void {
    this.#atMs = undefined;
    this.#ring();
  }
}

/** Starts slowly, or (`fails-…`) not at the first attempt, or (`never-…`) not at all. */
export class Starter extends Agent {
  override initialState = "new";
  #ready = false;
  readonly order: string[] = [];
  readonly errors: unknown[] = [];
  attempts = 0;
  props: Record<string, unknown> | undefined;
  readonly #chime: Chime;
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#chime = installCapability(this, "chime", (kit) => new Chime(kit, () => this.#rung()));
    // The usual way to prepare a Durable Object: synchronous methods must be synchronous in there.
    void ctx.blockConcurrencyWhile(async () => {
      await ctx.storage.get("nothing");
      this.order.push(`constructed ${this.synchronous()}`);
    });
    this.order.push(`constructing ${this.synchronous()}`);
  }
  synchronous(): string {
    return "now";
  }
  #rung(): void {
    this.order.push(`rung ${this.#ready}`, `rung by ${getCurrentAgent().agent?.name}`);
    if (this.name.includes("unringable")) throw new Error("no ring");
  }
  ringAt(atMs: number | undefined): void {
    this.#chime.at(atMs);
  }
  override async onStart(props?: Record<string, unknown>) {
    this.attempts++;
    this.props = props;
    if (props?.color) this.order.push(`props ${JSON.stringify(props)}`);
    this.order.push(`starting ${this.synchronous()}`);
    await this.ctx.storage.get("nothing");
    if (this.name.startsWith("never") || (this.name.startsWith("fails") && this.attempts === 1))
      throw new Error("no start");
    this.#ready = true;
    this.order.push("started");
  }
  isReady(): boolean {
    return this.#ready;
  }
  get readiness(): boolean {
    return this.#ready;
  }
  history(): string[] {
    return this.order;
  }
  override onRequest(): Response {
    return Response.json(this.#ready);
  }
  override onConnect(connection: Connection) {
    connection.send(`ready ${this.#ready}`);
  }
  override onMessage(connection: Connection) {
    connection.send(`ready ${this.#ready}`);
  }
  override onClose() {
    this.order.push(`closed ${this.#ready}`);
  }
  override onStateChanged(state: string) {
    this.order.push(`state ${state} ${this.#ready}`);
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
    this.order.push(`error ${this.#ready}`);
  }
}

/** Its `onError` is no help: it throws something new, or (`same-…`) what it got. */
export class Faulty extends Agent {
  errors = 0;
  override onError(connectionOrError: unknown, error?: unknown): never {
    this.errors++;
    if (this.name.startsWith("same")) throw error ?? connectionOrError;
    throw new Error("thrown in onError");
  }
  override onRequest(): never {
    throw new Error("thrown in onRequest");
  }
  override onMessage(connection: Connection, message: WSMessage): void {
    if (message === "throw") throw new Error("thrown in onMessage");
    connection.send(`still here: ${String(message)}`);
  }
  explode(): never {
    throw new Error("thrown in a method");
  }
  override onStart() {
    if (this.name.startsWith("unstarted")) throw new Error("thrown in onStart");
  }
}

/** A class whose own name is not the one under which the Worker exports it: as after a minifier. */
export class a extends Agent {}
