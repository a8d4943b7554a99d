import {
  Agent,
  AgentError,
  callable,
  getCurrentAgent,
  type AgentErrorCode,
  type Connection,
  type ConnectionContext,
  type StateSource,
  type StreamingResponse
} from "../index";
import type { Operation } from "../core/capability";
import { Recorder } from "./agents";

type Json = Record<string, unknown>;

/** An agent whose state is whatever it is given, and that can say no. */
export class Board extends Agent<Cloudflare.Env, Json> {
  starts = 0;
  readonly urls: (string | null | undefined)[] = [];
  /** Operations that were asked for, and those that are refused; a refusal may be no plain `false`. */
  readonly asked: Operation[] = [];
  readonly refused = new Map<string, () => unknown>();
  readonly errors: string[] = [];

  override onStart() {
    this.starts++;
  }
  override onConnect(connection: Connection, { request }: ConnectionContext) {
    this.urls.push(request.url, connection.uri, getCurrentAgent().request?.url);
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
  }
  override shouldConnectionBeReadonly(_connection: Connection, { request }: ConnectionContext) {
    return new URL(request.url).searchParams.has("readonly");
  }
  override shouldSendProtocolMessages(_connection: Connection, { request }: ConnectionContext) {
    return !new URL(request.url).searchParams.has("silent");
  }
  override validateStateChange(next: Json | null) {
    if (next?.spoil) this.state.spoiled = true;
    if (next?.clamp) next.n = 0;
    if (next?.code) throw new AgentError(next.code as AgentErrorCode, "as asked");
    if (next?.bad) throw new Error("bad");
  }
  override onStateChanged(state: Json | null, source: StateSource) {
    if (state?.echo && source !== "server") this.setState({ ...state, echo: false, echoed: true });
  }
  override authorize(connection: Connection, operation: Operation): boolean {
    this.asked.push(operation);
    const refuse = this.refused.get(operation.type);
    // A rule written in JavaScript may return anything.
    return super.authorize(connection, operation) && (refuse ? (refuse() as boolean) : true);
  }

  @callable()
  put(state: Json) {
    this.setState(state);
  }
  /** As many programs do it: changes the object, and sets it again. */
  @callable()
  edit(key: string, value: unknown) {
    this.state[key] = value;
    this.setState(this.state);
  }
  @callable()
  ping() {
    return "pong";
  }
  @callable()
  fail(code?: AgentErrorCode) {
    if (code) throw new AgentError(code, "as asked");
    throw Object.assign(new Error("no code of ours"), { code: "EACCES" });
  }
  @callable()
  query() {
    return this.sql`SELECT * FROM missing`;
  }
}

/** Methods that go on until they are stopped, and write down how they were. */
export class Runner extends Agent {
  readonly log: string[] = [];
  readonly errors: string[] = [];
  #release: (() => void)[] = [];

  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
  }
  history(): string[] {
    return this.log;
  }
  hasSignal(): boolean {
    return getCurrentAgent().signal !== undefined;
  }
  release(): void {
    for (const resolve of this.#release.splice(0)) resolve();
  }
  #released(): Promise<void> {
    return new Promise((resolve) => this.#release.push(resolve));
  }
  #aborted(signal: AbortSignal | undefined, run: () => void = () => {}): Promise<void> {
    this.log.push("waits");
    return new Promise((resolve) =>
      signal!.addEventListener("abort", () => {
        this.log.push(`aborted: ${(signal!.reason as AgentError).code}`);
        run();
        resolve();
      })
    );
  }

  @callable()
  async wait() {
    await this.#aborted(getCurrentAgent().signal);
    return "late";
  }
  @callable()
  waitAndThrow() {
    const { signal } = getCurrentAgent();
    return new Promise((_, reject) => void this.#aborted(signal, () => reject(signal!.reason as Error)));
  }
  @callable()
  async waitAndFail() {
    await this.#aborted(getCurrentAgent().signal);
    throw new Error("cannot stop");
  }
  /** Looks at its signal only after it was aborted. */
  @callable()
  async look() {
    this.log.push("waits");
    await this.#released();
    this.log.push(`aborted: ${getCurrentAgent().signal?.aborted}`);
  }
  @callable({ detached: true })
  async detached() {
    const { signal } = getCurrentAgent();
    this.log.push("waits");
    await this.#released();
    this.log.push(`detached: ${signal?.aborted}`);
    return "done";
  }
  @callable({ streaming: true })
  async stream(stream: StreamingResponse) {
    await stream.send(1);
    await this.#aborted(stream.signal);
    this.log.push(`open: ${await stream.send(2)}, closed: ${stream.isClosed}`);
  }
  @callable({ streaming: true })
  async paced(stream: StreamingResponse, to: number) {
    for (let i = 1; i <= to; i++) {
      this.log.push(`sends ${i}`);
      if (!(await stream.send(i))) return void this.log.push("stopped");
    }
    stream.end("fin");
  }
  @callable({ streaming: true })
  async *generated(_stream: StreamingResponse, to: number) {
    try {
      for (let i = 1; i <= to; i++) {
        this.log.push(`makes ${i}`);
        yield i;
      }
    } finally {
      this.log.push("closed");
    }
  }
  @callable({ streaming: true })
  *plainGenerated() {
    yield 1;
  }
  @callable({ streaming: true })
  async *generatedThenThrows() {
    yield 1;
    throw new Error("mid");
  }
  @callable({ streaming: true })
  async *unsendable() {
    try {
      yield 1n;
    } finally {
      this.log.push("closed");
    }
  }
  /** Has so many values, and then waits for ever unless it `ends`. */
  @callable({ streaming: true })
  readable(_stream: StreamingResponse, to: number, ends: boolean) {
    let made = 0;
    const pull = (controller: ReadableStreamDefaultController<unknown>) => {
      if (made === to) return ends ? controller.close() : this.#released();
      this.log.push(`makes ${++made}`);
      controller.enqueue(made);
    };
    return new ReadableStream({ pull, cancel: () => void this.log.push("closed") }, { highWaterMark: 0 });
  }
  @callable({ streaming: true })
  unsendableStream() {
    const start = (controller: ReadableStreamDefaultController<unknown>) => controller.enqueue(1n);
    return new ReadableStream({ start, cancel: () => void this.log.push("closed") });
  }
}

/** Never hibernates: its sockets are its own. */
export class Awake extends Recorder {
  static override options: { hibernate?: boolean; sendIdentityOnConnect?: boolean } = { hibernate: false };
  readonly born = crypto.randomUUID();
  @callable()
  birth(): string {
    return this.born;
  }
}

/** Says one thing itself, and inherits the other. */
export class AwakeHeir extends Awake {
  static override options = { sendIdentityOnConnect: false };
}

/** A program of an older release. */
export class Legacy extends Agent<Cloudflare.Env, { n: number }> {
  readonly seen: unknown[] = [];
  override onStateUpdate(state: { n: number }, source: StateSource): void | Promise<void> {
    this.seen.push([state.n, source === "server" ? source : source.id, getCurrentAgent().agent === this]);
    if (state.n === 13) return Promise.reject(new Error("rejected in onStateUpdate"));
  }
  override onError(error: unknown) {
    this.seen.push(String(error));
  }
}

/** The same in the middle of its move. */
export class LegacyHeir extends Legacy {
  // @ts-expect-error TypeScript wants a field; in JavaScript this is one more way to say it.
  override get initialState() {
    return { n: 7 };
  }
  override onStateChanged(state: { n: number }) {
    this.seen.push(["new", state.n]);
  }
}
