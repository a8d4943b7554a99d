// What objects ask of their storage.
import type { Counts } from "./counts.ts";

const none = (): Counts => ({ sql: 0, keyValue: 0, alarm: 0, rowsRead: 0, rowsWritten: 0 });

let counts = none();
// A cursor counts the rows while it is read.
let cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
let counting = false;

/** Counts from now on: all objects of the process share these prototypes. */
export function count(storage: DurableObjectStorage): void {
  if (counting) return;
  counting = true;
  after(storage.sql, ["exec"], (cursor) => {
    counts.sql++;
    cursors.push(cursor as (typeof cursors)[number]);
  });
  const countKeyValue = () => counts.keyValue++;
  after(storage, ["get", "put", "delete", "list"], countKeyValue);
  after(storage.kv, ["get", "put", "delete", "list"], countKeyValue);
  after(storage, ["setAlarm", "deleteAlarm"], () => counts.alarm++);
}

/** Calls `note` with the result of each call of these methods. */
function after(object: object, names: string[], note: (result: unknown) => void): void {
  const prototype = Object.getPrototypeOf(object) as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names) {
    const original = prototype[name]!;
    prototype[name] = function (this: unknown, ...args: unknown[]) {
      const result = original.apply(this, args);
      note(result);
      return result;
    };
  }
}

/** What was counted since the last time. */
function takeCounts(): Counts {
  const taken = counts;
  for (const { rowsRead, rowsWritten } of cursors) {
    taken.rowsRead += rowsRead;
    taken.rowsWritten += rowsWritten;
  }
  counts = none();
  cursors = [];
  return taken;
}

/** A Worker that also tells what was counted. */
export const tellingCounts = (worker: Pick<Required<ExportedHandler<Cloudflare.Env>>, "fetch">) =>
  ({
    fetch(request, env, context) {
      if (new URL(request.url).pathname === "/counts") return Response.json(takeCounts());
      return worker.fetch(request, env, context);
    }
  }) satisfies ExportedHandler<Cloudflare.Env>;
