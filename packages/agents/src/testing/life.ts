import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";

/**
 * Takes an agent out of memory, as the runtime does with one that is idle. Its connections stay open (they hibernate), what is stored
 * stays, and the next event or message wakes it.
 *
 * @throws Error when the agent is not in memory
 */
export const evict = (agent: DurableObjectStub): Promise<void> => evictDurableObject(agent);

/**
 * Takes an agent out of memory and drops its connections, as a deploy or a lost network does. Their clients see 1006.
 *
 * @throws Error when the agent is not in memory
 */
export const cut = (agent: DurableObjectStub): Promise<void> => evictDurableObject(agent, { webSockets: "close" });

/** Kills all agents in the middle of what they do. What was not stored is lost, and stubs are broken: get new ones. */
export const killAll = (): Promise<void> => abortAllDurableObjects();
