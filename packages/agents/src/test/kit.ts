import { env, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import { Meta, Schema, type SchemaDefinition, type Storage } from "../core/meta";
import { openSocket, TestConnection } from "../testing/connection";
import { evict } from "../testing/life";

export { cut, evict, killAll } from "../testing/life";

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

/** As users of `agents/testing` have it; what a call gives is the frame of its answer, since that is what most tests here are about. */
class FrameConnection extends TestConnection {
  override call<Result = Record<string, unknown>>(method: string, ...args: unknown[]): Promise<Result> {
    return this.answerTo(method, ...args) as Promise<Result>;
  }
}

export { FrameConnection as TestConnection };
export type { Received } from "../testing/connection";

/**
 * Connects to an agent as a client does.
 *
 * @param query the query of the URL: `_pk=a` chooses the id of the connection
 * @param heard gets each message as it was sent, before it is parsed
 */
export async function connect(
  stub: Pick<DurableObjectStub, "fetch">,
  query = "",
  headers: Record<string, string> = {},
  heard?: (data: unknown) => void
): Promise<FrameConnection> {
  return new FrameConnection(await openSocket(stub, { query, headers }), heard);
}

/** Connects as a client that takes part in the extensions of the protocol. What it was greeted with is dropped. */
export async function connectExtended(stub: Pick<DurableObjectStub, "fetch">, query = ""): Promise<FrameConnection> {
  const connection = await connect(stub, `_agents_ext=1&${query}`);
  await connection.settled();
  return connection;
}

/** The row that says what an instance has stored; `undefined` before it stored anything. */
export function metaOf({ sql }: Pick<DurableObjectStorage, "sql">): { destroyed?: true } | undefined {
  if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'cf_agents_meta'").toArray().length === 0) return undefined;
  const [meta] = sql.exec<{ row: string }>("SELECT row FROM cf_agents_meta").toArray();
  return meta && (JSON.parse(meta.row) as object);
}

/** Replaces that row. The instance sees it when it is evicted and wakes again. */
export function putMeta({ sql }: Pick<DurableObjectStorage, "sql">, row: object): void {
  sql.exec("CREATE TABLE IF NOT EXISTS cf_agents_meta (id INTEGER PRIMARY KEY, row TEXT NOT NULL)");
  sql.exec("INSERT OR REPLACE INTO cf_agents_meta (id, row) VALUES (1, ?)", JSON.stringify(row));
}

/** Makes a wake of a capability overdue, as after a long time out of memory. `runDurableObjectAlarm` then rings. */
export async function makeDue(stub: DurableObjectStub, capability: string): Promise<void> {
  await runInDurableObject(stub, async (_, { storage }) => {
    putMeta(storage, { versions: {}, ...metaOf(storage), wakes: { [capability]: 1 } });
    await storage.setAlarm(Date.now() + 3_600_000);
  });
  await evict(stub);
}

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

/**
 * Counts what an instance does to its storage while `run` executes, also if it is evicted there and wakes again. Others, whose alarms may ring
 * meanwhile, do not count.
 *
 * @param through another instance, for one that must not be woken before `run` does it
 */
export async function costOf(stub: DurableObjectStub, run: () => unknown, through = stub): Promise<Cost> {
  const seen: { self: unknown; statement: string; cursor?: SqlStorageCursor<Record<string, SqlStorageValue>> }[] = [];
  const own = new Set<unknown>();
  const learn = (_: unknown, { storage }: DurableObjectState) => {
    for (const part of [storage, storage.sql, storage.kv]) own.add(part);
  };
  const restore = await runInDurableObject(through, (instance, state) => {
    if (through === stub) learn(instance, state);
    const { storage } = state;
    return [
      spy(Object.getPrototypeOf(storage.sql), ["exec"], (self, _name, args, result) => {
        const cursor = result as SqlStorageCursor<Record<string, SqlStorageValue>>;
        seen.push({ self, statement: String(args[0]), cursor });
      }),
      spy(
        Object.getPrototypeOf(storage.kv),
        ["get", "put", "delete", "list"],
        (self, name, args) => void seen.push({ self, statement: `kv.${name} ${String(args[0])}` })
      ),
      spy(
        Object.getPrototypeOf(storage),
        ["get", "put", "delete", "list", "getAlarm", "setAlarm", "deleteAlarm"],
        (self, name) => void seen.push({ self, statement: name })
      )
    ];
  });
  try {
    await run();
  } finally {
    for (const undo of restore) undo();
  }
  await runInDurableObject(stub, learn);
  const counted = seen.filter(({ self }) => own.has(self));
  const sum = (column: "rowsRead" | "rowsWritten") =>
    counted.reduce((total, { cursor }) => total + (cursor?.[column] ?? 0), 0);
  const statements = counted.map(({ statement }) => statement);
  return { statements, rowsRead: sum("rowsRead"), rowsWritten: sum("rowsWritten") };
}

type AnyMethod = (this: unknown, ...args: unknown[]) => unknown;

/** Watches methods of the platform's objects. Tests and instances share one isolate, and so their prototypes. */
function spy(
  prototype: Record<string, AnyMethod>,
  names: readonly string[],
  seen: (self: unknown, name: string, args: unknown[], result: unknown) => void
) {
  const originals = names.map((name) => [name, prototype[name]!] as const);
  for (const [name, original] of originals) {
    prototype[name] = function (...args) {
      const result = original.apply(this, args);
      seen(this, name, args, result);
      return result;
    };
  }
  return () => {
    for (const [name, original] of originals) prototype[name] = original;
  };
}
