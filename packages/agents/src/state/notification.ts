import type { StateSource } from "./state";

/** What an agent may have to hear of a new state. */
interface Listener {
  onStateChanged(state: unknown, source: StateSource): void | Promise<void>;
  onStateUpdate?(state: unknown, source: StateSource): void | Promise<void>;
}

const warned = new WeakSet<object>();

/** The hook to call: `onStateChanged`, or the older name if the class has that one only. */
export function notificationOf(agent: Listener, base: Listener): Listener["onStateChanged"] {
  const { onStateChanged, onStateUpdate } = agent;
  if (onStateUpdate === undefined || onStateChanged !== base.onStateChanged) return onStateChanged;
  if (!warned.has(agent.constructor)) {
    warned.add(agent.constructor);
    console.warn(`${agent.constructor.name}.onStateUpdate() is deprecated: call it onStateChanged()`);
  }
  return onStateUpdate;
}
