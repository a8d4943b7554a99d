import { currentContext, runOutside, type Entry } from "./core/context";
import type { Host } from "./core/host";
import { resolveOptions } from "./core/options";
import { wait } from "./core/wait";
import { DeadLetters, deadLettersSchema, type DeadLetter } from "./core/work/dead-letters";
import { Queue } from "./queue/queue";
import { queueSchema } from "./queue/schema";
import { scheduleSchema } from "./schedule/schema";
import { Schedules } from "./schedule/schedules";

/** Work that survives: schedules, the queue, and what failed for good. */
export interface DurableWork {
  readonly schedules: Schedules;
  readonly queue: Queue;
  deadLetters(): DeadLetter[];
  retryDead(id: string): boolean;
  removeDead(id: string): boolean;
}

type Methods = Record<string, ((...args: unknown[]) => unknown) | undefined>;

/** Installs what runs methods of an agent later. */
export function installDurableWork(
  agent: object,
  host: Host,
  storage: Pick<DurableObjectStorage, "sync">
): DurableWork {
  const options = () => resolveOptions(agent.constructor);
  const methods = agent as Methods;
  const dead = new DeadLetters(host.schema("dead-letters", deadLettersSchema));
  const call = (entry: Entry | undefined, callback: string, ...args: unknown[]) =>
    runOutside(() => host.run(entry, () => methods[callback]?.(...args)));

  const common = (name: string) => ({
    dead,
    now: () => Date.now(),
    random: () => Math.random(),
    sync: () => storage.sync(),
    has: (callback: string) => typeof methods[callback] === "function",
    destroyed: () => false,
    wake: () => host.meta.wakeOf(name),
    changed: () => host.alarms.changed(name),
    wait,
    retryDefaults: () => options().retry,
    emit: (type: string, payload: () => Record<string, unknown>) => host.emit(type, payload),
    failed: (error: unknown) => runOutside(() => host.run(undefined, () => host.failed(error)))
  });

  const schedules = host.install(
    new Schedules({
      ...common("schedule"),
      schema: host.schema("schedule", scheduleSchema),
      hungMs: () => options().hungScheduleTimeoutSeconds * 1_000,
      call: (callback, payload, schedule) => call(undefined, callback, payload, schedule),
      warn: (message) => console.warn(message)
    })
  );

  const queue = host.install(
    new Queue({
      ...common("queue"),
      schema: host.schema("queue", queueSchema),
      origin: () => {
        const { connection, request, email } = currentContext();
        const entry = request || email ? { request, email } : undefined;
        return { connection: connection?.id, entry };
      },
      call: (callback, payload, item, { connection: id, entry }) => {
        const connection = id === undefined ? undefined : host.connections.get(id);
        return call({ ...entry, connection }, callback, payload, item);
      },
      later: (work) =>
        runOutside(async () => {
          await wait(0, never);
          try {
            await host.run(undefined, () => work().catch((error: unknown) => host.failed(error)));
          } catch {
            // The agent did not start, which is reported. The alarm tries again.
          }
        })
    })
  );

  return {
    schedules,
    queue,
    deadLetters: () => dead.list(),
    retryDead: (id) => dead.retry(id, (row) => (row.source === "queue" ? queue : schedules).revive(row)),
    removeDead: (id) => dead.remove(id)
  };
}

const never = new AbortController().signal;
