import { abortAllDurableObjects, env, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import { Meta, Schema, type SchemaDefinition, type Storage } from "../core/meta";

/** Real SQLite storage in a bare Durable Object: for capabilities, without an agent. */
export interface TestStorage {
  readonly storage: Storage;
  /** As after a wake: memory is new, the database is the same. */
  meta(): Meta;
  schema(name: string, definition: SchemaDefinition): Schema;
}

let objects = 0;

/** Runs a test on the storage of a new, empty Durable Object. */
export async function withStorage<Result>(run: (storage: TestStorage) => Result | Promise<Result>): Promise<Result> {
  // The binding of this package's own test Worker; others that use this kit have none, and need none.
  const { STORAGE } = env as unknown as { STORAGE: DurableObjectNamespace };
  const stub = STORAGE.get(STORAGE.idFromName(`bare-${objects++}`));
  return runInDurableObject(stub, (_, state) => {
    const meta = () => new Meta(state.storage);
    return run({
      storage: state.storage,
      meta,
      schema: (name, definition) => new Schema(name, definition, state.storage, meta())
    });
  });
}

/** A parsed JSON frame, or the message as it was. */
export type Received = unknown;

/** The client's end of a connection to an agent. */
export class TestConnection {
  readonly #socket: WebSocket;
  readonly #received: Received[] = [];
  readonly #waiting: ((received: Received) => void)[] = [];
  /** Settles when the connection is closed by the agent, or cut. */
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket, heard: (data: unknown) => void = () => {}) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
    socket.addEventListener("message", ({ data }) => {
      heard(data);
      this.#receive(parse(data));
    });
    socket.accept();
  }

  #receive(received: Received): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(received);
    else this.#received.push(received);
  }

  /** The next message, in the order in which they were sent. */
  nextFrame(): Promise<Received> {
    if (this.#received.length > 0) return Promise.resolve(this.#received.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next message for which `wanted` is true (or of this type); those before it are dropped. */
  async next<Frame = Record<string, unknown>>(wanted: string | ((frame: Frame) => boolean)): Promise<Frame> {
    for (;;) {
      const frame = (await this.nextFrame()) as Frame;
      const isFrame = typeof frame === "object" && frame !== null;
      if (isFrame && (typeof wanted === "string" ? (frame as { type?: string }).type === wanted : wanted(frame)))
        return frame;
    }
  }

  /** What has arrived and was not asked for. */
  get pending(): readonly Received[] {
    return this.#received;
  }

  /** Sends text as it is, bytes as they are, and anything else as JSON. */
  send(message: unknown): void {
    const raw = typeof message === "string" || message instanceof ArrayBuffer;
    this.#socket.send(raw ? message : JSON.stringify(message));
  }

  #calls = 0;

  /** Calls a method and waits for its answer; frames before it are dropped. */
  call(method: string, ...args: unknown[]): Promise<Record<string, unknown>> {
    const id = `call-${this.#calls++}`;
    this.send({ type: "rpc", id, method, args });
    return this.next((frame) => frame.type === "rpc" && frame.id === id && frame.done !== false);
  }

  /**
   * All that has arrived and was not asked for, once the agent has handled what this connection sent before. A call of a
   * method that no agent has is the barrier: it is always answered, and a connection's frames keep their order.
   */
  async settled(): Promise<Received[]> {
    const id = `settled-${this.#calls++}`;
    this.send({ type: "rpc", id, method: "", args: [] });
    const frames: Received[] = [];
    for (;;) {
      const frame = await this.nextFrame();
      if ((frame as { id?: unknown } | null)?.id === id) return frames;
      frames.push(frame);
    }
  }

  close(code = 1000, reason = ""): void {
    this.#socket.close(code, reason);
  }

  /** As a browser does by `close()`: the other end sees 1005. */
  closeWithoutCode(): void {
    this.#socket.close();
  }
}

function parse(data: unknown): Received {
  if (typeof data !== "string") return data;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

interface Connectable {
  fetch(request: Request): Promise<Response>;
}

/**
 * Connects to an agent as a client does.
 *
 * @param query the query of the URL: `_pk=a` chooses the id of the connection
 * @param heard gets each message as it was sent, before it is parsed
 */
export async function connect(
  stub: Connectable,
  query = "",
  headers: Record<string, string> = {},
  heard?: (data: unknown) => void
): Promise<TestConnection> {
  const request = new Request(`http://test/agents/agent/name?${query}`, {
    headers: { Upgrade: "websocket", ...headers }
  });
  const { webSocket, status } = await stub.fetch(request);
  if (!webSocket) throw new Error(`No WebSocket: status ${status}`);
  return new TestConnection(webSocket, heard);
}

/** Connects as a client that takes part in the extensions of the protocol. What it was greeted with is dropped. */
export async function connectExtended(stub: Connectable, query = ""): Promise<TestConnection> {
  const connection = await connect(stub, `_agents_ext=1&${query}`);
  await connection.settled();
  return connection;
}

/** Takes the instance out of memory. Its sockets hibernate. */
export const evict = (stub: DurableObjectStub): Promise<void> => evictDurableObject(stub);

/** Makes a wake of a capability overdue, as after a long time out of memory. `runDurableObjectAlarm` then rings. */
export async function makeDue(stub: DurableObjectStub, capability: string): Promise<void> {
  await runInDurableObject(stub, async (_, { storage }) => {
    const meta = storage.kv.get<object>("cf_agents_meta");
    storage.kv.put("cf_agents_meta", { versions: {}, ...meta, wakes: { [capability]: 1 } });
    await storage.setAlarm(Date.now() + 3_600_000);
  });
  await evict(stub);
}

/** Takes the instance out of memory and drops its sockets, as a lost network or a deploy does. */
export const cut = (stub: DurableObjectStub): Promise<void> => evictDurableObject(stub, { webSockets: "close" });

/** Kills all instances in the middle of what they do. What was not stored is lost. */
export const killAll = (): Promise<void> => abortAllDurableObjects();

/**
 * The error that a call ends with, as its caller sees it. Not `expect(stub.method()).rejects`: a promise of Durable Object RPC
 * makes a new promise of every property that is looked at, and those reject too, with nobody to hear it.
 */
export async function errorOf(run: () => PromiseLike<unknown> | void): Promise<Error & { code?: string }> {
  let result: unknown;
  try {
    result = await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error(`Expected an error, got ${JSON.stringify(result)}`);
}

/** What is logged as an error while `run` executes; none of it is printed. */
export async function logged(run: () => unknown): Promise<unknown[][]> {
  const calls: unknown[][] = [];
  const log = vi.spyOn(console, "error").mockImplementation((...line) => void calls.push(line));
  try {
    await run();
    return calls;
  } finally {
    log.mockRestore();
  }
}

/** What an operation cost in storage. */
export interface Cost {
  /** Calls of `sql.exec`, of key-value storage, and of the alarm, with the text of each. */
  readonly statements: readonly string[];
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

/** Counts what all awake instances do to their storage while `run` executes. */
export async function costOf(stub: DurableObjectStub, run: () => unknown): Promise<Cost> {
  const statements: string[] = [];
  const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
  const restore = await runInDurableObject(stub, (_, { storage }) => [
    spy(Object.getPrototypeOf(storage.sql), ["exec"], (_name, args, result) => {
      statements.push(String(args[0]));
      cursors.push(result as SqlStorageCursor<Record<string, SqlStorageValue>>);
    }),
    spy(
      Object.getPrototypeOf(storage.kv),
      ["get", "put", "delete", "list"],
      (name, args) => void statements.push(`kv.${name} ${String(args[0])}`)
    ),
    spy(
      Object.getPrototypeOf(storage),
      ["get", "put", "delete", "list", "getAlarm", "setAlarm", "deleteAlarm"],
      (name) => void statements.push(name)
    )
  ]);
  try {
    await run();
  } finally {
    for (const undo of restore) undo();
  }
  const sum = (column: "rowsRead" | "rowsWritten") => cursors.reduce((total, cursor) => total + cursor[column], 0);
  return { statements, rowsRead: sum("rowsRead"), rowsWritten: sum("rowsWritten") };
}

type AnyMethod = (this: unknown, ...args: unknown[]) => unknown;

/** Watches methods of the platform's objects. Tests and instances share one isolate, and so their prototypes. */
function spy(
  prototype: Record<string, AnyMethod>,
  names: readonly string[],
  seen: (name: string, args: unknown[], result: unknown) => void
) {
  const originals = names.map((name) => [name, prototype[name]!] as const);
  for (const [name, original] of originals) {
    prototype[name] = function (...args) {
      const result = original.apply(this, args);
      seen(name, args, result);
      return result;
    };
  }
  return () => {
    for (const [name, original] of originals) prototype[name] = original;
  };
}
