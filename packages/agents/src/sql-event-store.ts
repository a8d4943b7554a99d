import type { Agent } from "./agent";
import { mcpSchema } from "./mcp/agent/schema";
import { StoredEvents } from "./mcp/handler/stored-events";
import { hostOf } from "./server";

/**
 * Keeps the events of a `WorkerTransport` in the database of its agent: a client that comes back gets what it has missed also when the
 * agent was out of memory, or was killed, meanwhile. Events are dropped when the client has named a later one, 5 minutes after they were
 * sent, or after 24 hours without anyone who listens.
 *
 * @example
 * transport = new WorkerTransport({
 *   sessionIdGenerator: () => this.name,
 *   storage: {
 *     get: () => this.ctx.storage.get<TransportState>("mcp"),
 *     set: (state) => this.ctx.storage.put("mcp", state)
 *   },
 *   eventStore: new SqlEventStore(this)
 * });
 */
export class SqlEventStore extends StoredEvents {
  /**
   * @param agent whose database it is
   * @param name tells the transports of one agent apart, where it has several
   */
  // Any agent: nothing is asked of its state.
  // oxlint-disable-next-line typescript/no-explicit-any
  constructor(agent: Agent<any, any, any>, name = "") {
    super(hostOf(agent).schema("mcp-server", mcpSchema), name);
  }
}
