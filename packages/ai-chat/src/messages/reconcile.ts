import type { UIMessage } from "ai";
import type { ChatTrigger } from "../protocol/frames";
import { closeOpenCalls } from "./settle";

/** How the stored transcript changes. */
export interface Changes {
  /** Ids of stored messages that go. */
  removed: string[];
  /** Messages that are new or replaced, in order. */
  upserted: UIMessage[];
}

/** How a request changes it. */
export interface RequestChanges extends Changes {
  /** Messages that get other content under their id. */
  edited: string[];
}

/**
 * Reads a client's whole list as the operation that it stands for. The client decides what the user said, and from where the
 * conversation goes on; what an assistant said stays as the server has it, and what the model is told beside it (`system`) is not a client's matter.
 *
 * - `submit-message`: unknown messages at the end are appended. A known user message with other content is an edit, one that is asked again
 *   is a retry: what followed it goes.
 * - `regenerate-message`: what the client dropped from the end goes.
 *
 * @param asStored what the server makes of a message that it stores: its client still has the one that it sent
 */
export function reconcileRequest(
  stored: readonly UIMessage[],
  incoming: readonly UIMessage[],
  trigger: ChatTrigger,
  asStored: (message: UIMessage) => UIMessage
): RequestChanges {
  const known = new Map(stored.map((message, index) => [message.id, index]));
  // What comes before a known message is not new: it was removed meanwhile, or was more than is kept.
  const newest = incoming.slice(incoming.findLastIndex(({ id }) => known.has(id)) + 1);
  const upserted = newest.filter((message) => message.role === "user");
  const edited = incoming.find((message) => {
    const index = known.get(message.id);
    if (message.role !== "user" || index === undefined || sameContent(stored[index]!, message)) return false;
    return !sameContent(stored[index]!, asStored(message));
  });
  if (edited)
    return { removed: idsAfter(stored, known.get(edited.id)!), upserted: [edited, ...upserted], edited: [edited.id] };
  const asked = incoming.at(-1);
  if (trigger === "submit-message" && asked?.role === "user" && known.has(asked.id)) {
    return { removed: idsAfter(stored, known.get(asked.id)!), upserted, edited: [] };
  }
  if (trigger === "regenerate-message") {
    const last = incoming.reduce((latest, message) => Math.max(latest, known.get(message.id) ?? -1), -1);
    return { removed: idsAfter(stored, last), upserted, edited: [] };
  }
  return { removed: [], upserted, edited: [] };
}

/**
 * A client sets the whole list: it may drop, reorder nothing, and add; known assistant messages keep their content. In what it adds no call
 * waits or was approved, since no model has made it, and nobody was asked.
 */
export function reconcileList(stored: readonly UIMessage[], incoming: readonly UIMessage[]): Changes {
  const kept = new Set(incoming.map(({ id }) => id));
  const known = new Map(stored.map((message) => [message.id, message]));
  return {
    removed: stored.filter(({ id }) => !kept.has(id)).map(({ id }) => id),
    upserted: incoming.flatMap((message) => {
      const before = known.get(message.id);
      if (before === undefined) return [closeOpenCalls(message)];
      return before.role === "user" && message.role === "user" && !sameContent(before, message) ? [message] : [];
    })
  };
}

const idsAfter = (messages: readonly UIMessage[], index: number): string[] =>
  messages.slice(index + 1).map(({ id }) => id);

const sameContent = (a: UIMessage, b: UIMessage): boolean =>
  a.role === b.role && JSON.stringify(a.parts) === JSON.stringify(b.parts);
