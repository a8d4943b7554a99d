import { runInDurableObject } from "cloudflare:test";
import { lookInto, type Agent } from "../agent";
import type { Inspection } from "../inspect";
import type { Awake } from "./work";

/** What an agent is doing, and has stored. */
export interface Introspection extends Inspection {
  /** As `agent.state`. */
  state: unknown;
  /** Each table of its database, and how many rows it has. */
  tables: Record<string, number>;
}

/**
 * Looks into an agent: all that `inspect()` tells, whether its class allows that or not, its state, and how full its tables are.
 *
 * @example
 * const { connections, tasks, state, tables } = await introspect(agent);
 * expect([connections.total, tasks.queue.total, tables.orders]).toEqual([1, 0, 3]);
 */
export async function introspect(agent: Awake): Promise<Introspection> {
  // Starts it, if it has not.
  await agent.whyAwake();
  return runInDurableObject(agent, async (instance: Agent, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' ORDER BY name"
      )
      .toArray()
      .map(({ name }) => {
        const quoted = `"${name.replaceAll('"', '""')}"`;
        return [name, storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${quoted}`).one().n] as const;
      });
    return {
      ...(await lookInto(instance)),
      state: instance.state as unknown,
      tables: Object.fromEntries(tables)
    };
  });
}
