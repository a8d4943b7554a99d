import type { UIMessage } from "ai";
import { isUIMessage, migrateMessage, type MigratableMessage } from "./messages/migrate";

export { isUIMessage } from "./messages/migrate";
export type { CorruptArrayMessage, LegacyMessage, LegacyToolInvocation, MigratableMessage } from "./messages/migrate";

/**
 * Makes a message of the AI SDK's release 5 and later of a message of release 4, of one with arrays where text belongs, or of any
 * other value. It never throws, and changes neither its argument nor a message that is one already: that is returned itself.
 *
 * Texts, reasoning, files, sources and tool calls become parts. Other fields (`createdAt`, `annotations`, `data`…) are kept in
 * `metadata`. What has no known shape is kept as text.
 *
 * @param message as it was stored
 * @returns a message with the same id; one without an id gets one that is the same each time
 * @example const message = autoTransformMessage({ id: "m1", role: "user", content: "Hello" });
 */
export function autoTransformMessage(message: unknown): UIMessage {
  return migrateMessage(message);
}

/**
 * The same for a list. Messages that had no id get ids that differ.
 *
 * @param messages as they were stored
 * @returns as many messages, in the same order
 * @example await agent.persistMessages(autoTransformMessages(JSON.parse(backup)));
 */
export function autoTransformMessages(messages: readonly unknown[]): UIMessage[] {
  const hadId = messages.map((message) => idOf(message) !== undefined);
  const ids = new Set(messages.map(idOf));
  return messages.map((value, index) => {
    const message = migrateMessage(value);
    if (hadId[index]) return message;
    let id = message.id;
    for (let count = 2; ids.has(id); count++) id = `${message.id}-${count}`;
    ids.add(id);
    return id === message.id ? message : { ...message, id };
  });
}

function idOf(message: unknown): string | undefined {
  try {
    const id: unknown = (message as { id?: unknown } | null)?.id;
    return (typeof id === "string" && id !== "") || typeof id === "number" ? String(id) : undefined;
  } catch {
    return undefined;
  }
}

/** What a list of stored messages consists of. */
export interface MessageAnalysis {
  total: number;
  /** Messages of today. */
  clean: number;
  /** Messages whose content is a text. */
  legacyString: number;
  /** Messages with an array where text belongs. */
  corruptArray: number;
  /** All others. */
  unknown: number;
  /** The first of each. */
  examples: { legacyString?: unknown; corruptArray?: unknown; unknown?: unknown };
}

/**
 * Counts which stored messages need to be migrated, and why.
 *
 * @param messages as they were stored
 * @returns how many there are of each kind, and an example of each that is not clean
 * @example if (analyzeCorruption(stored).clean < stored.length) save(autoTransformMessages(stored));
 */
export function analyzeCorruption(messages: readonly unknown[]): MessageAnalysis {
  const analysis: MessageAnalysis = {
    total: messages.length,
    clean: 0,
    legacyString: 0,
    corruptArray: 0,
    unknown: 0,
    examples: {}
  };
  for (const message of messages) {
    const kind = kindOf(message);
    analysis[kind]++;
    if (kind !== "clean" && !(kind in analysis.examples)) analysis.examples[kind] = message;
  }
  return analysis;
}

function kindOf(message: unknown): "clean" | "legacyString" | "corruptArray" | "unknown" {
  if (isUIMessage(message)) return "clean";
  try {
    const { content, parts } = message as { content?: unknown; parts?: unknown };
    const hasArray = (part: unknown) => Array.isArray((part as { text?: unknown } | null)?.text);
    if (Array.isArray(content) || (Array.isArray(parts) && parts.some(hasArray))) return "corruptArray";
    return typeof content === "string" ? "legacyString" : "unknown";
  } catch {
    return "unknown";
  }
}

/**
 * Whether a message, or any of a list, is not a message of today.
 *
 * @deprecated `autoTransformMessages` leaves the others as they are: nobody has to ask.
 */
export function needsMigration(messages: unknown): boolean {
  return Array.isArray(messages) ? !messages.every(isUIMessage) : !isUIMessage(messages);
}

/** @deprecated The same as `autoTransformMessage`. */
export const migrateToUIMessage: (message: MigratableMessage) => UIMessage = autoTransformMessage;

/** @deprecated The same as `autoTransformMessages`. */
export const migrateMessagesToUIFormat: (messages: readonly MigratableMessage[]) => UIMessage[] = autoTransformMessages;
