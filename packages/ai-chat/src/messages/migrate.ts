import type { UIMessage } from "ai";
import { isMessage } from "../protocol/checks";
import { convertPart, isObject, isString, textOf, textPart, type Part } from "./migrate-part";

type Fields = Record<string, unknown>;

/** A tool call of a message of AI SDK 4. */
export interface LegacyToolInvocation {
  state: "partial-call" | "call" | "result";
  toolCallId: string;
  toolName: string;
  args?: unknown;
  result?: unknown;
  step?: number;
}

/** A message as AI SDK 4 has it. */
export interface LegacyMessage {
  id?: string;
  role: "user" | "assistant" | "system" | "data";
  content: string;
  reasoning?: string;
  toolInvocations?: LegacyToolInvocation[];
  experimental_attachments?: { name?: string; contentType?: string; url: string }[];
  parts?: unknown[];
  data?: unknown;
  annotations?: unknown[];
  createdAt?: Date | string;
}

/** A message with an array where its text belongs. */
export interface CorruptArrayMessage extends Omit<LegacyMessage, "content"> {
  content: readonly unknown[];
}

/** What can be made a message of today. */
export type MigratableMessage = LegacyMessage | CorruptArrayMessage | UIMessage;

/**
 * Whether a value is a message as the AI SDK has it since release 5, with nothing left in fields of before.
 *
 * @example const current = stored.filter(isUIMessage);
 */
export function isUIMessage(value: unknown): value is UIMessage {
  return attempt(
    () =>
      isMessage(value) &&
      value.parts.every((part) => convertPart(part) === part) &&
      addedParts({ ...value }, value.parts).length === 0,
    () => false
  );
}

/**
 * Makes a message of whatever was stored. What is one stays the same object; of a message of before, the fields that a message does
 * not have any more are kept in its metadata; what nobody knows is kept as text.
 *
 * @param id of a message that has none; without it, one is made from what the message says
 */
export function migrateMessage(value: unknown, id?: string): UIMessage {
  if (isUIMessage(value)) return value;
  return attempt(
    () => (isObject(value) ? ofFields(value, id) : plain(value, id)),
    () => plain(value, id)
  );
}

function ofFields(value: Fields, id?: string): UIMessage {
  const given = Array.isArray(value.parts) ? value.parts : value.parts == null ? [] : [value.parts];
  const known = given.map(convertPart).flat();
  const added = addedParts(value, known);
  const parts = added.length > 0 ? inOrder(known, added) : known;
  const isKnown = parts.length > 0 || isKnownShape(value);
  // What nobody knows is shown as it is.
  if (parts.length === 0) parts.push(textPart(isKnown ? "" : textOf(value)));
  const metadata = isKnown ? metadataOf(value, parts) : value.metadata;
  const message: UIMessage = { id: idOf(value, id), role: roleOf(value.role, parts), parts };
  if (metadata !== undefined) message.metadata = metadata;
  return message;
}

/** Reasoning comes first, and what else was beside the parts after them. */
const inOrder = (parts: readonly Part[], added: readonly Part[]): Part[] => [
  ...added.filter(({ type }) => type === "reasoning"),
  ...parts,
  ...added.filter(({ type }) => type !== "reasoning")
];

/** What the fields of before say and the parts do not. */
function addedParts(message: Fields, parts: readonly Part[]): Part[] {
  const { content, reasoning, toolInvocations, experimental_attachments: attachments } = message;
  if (content == null && reasoning == null && !Array.isArray(toolInvocations) && !Array.isArray(attachments)) return [];
  const added: Part[] = [];
  if (isNotEmpty(reasoning) && !parts.some(({ type }) => type === "reasoning"))
    added.push(...reasoningParts(reasoning));

  const isKnownCall = (call: unknown) =>
    isObject(call) && parts.some((part) => "toolCallId" in part && part.toolCallId === call.toolCallId);
  const calls = asArray(toolInvocations).filter((call) => !isKnownCall(call));
  for (const [, ofStep] of [...Map.groupBy(calls, stepOf)].toSorted(([a], [b]) => a - b)) {
    const inStep = ofStep.map((toolInvocation) => convertPart({ type: "tool-invocation", toolInvocation })).flat();
    added.push({ type: "step-start" }, ...inStep);
  }

  if (isNotEmpty(content) && !parts.some((part) => part.type === "text" && part.text !== "")) {
    // The model has said it when it knew the results.
    if (calls.length > 0) added.push({ type: "step-start" });
    // Messages of the role "data" were for the page, not for the model.
    if (message.role === "data") added.push({ type: "data-content", data: content });
    else added.push(...contentParts(content));
  }

  const isKnownFile = (file: unknown) =>
    isObject(file) && parts.some((part) => part.type === "file" && part.url === file.url);
  for (const file of asArray(attachments)) {
    if (isKnownFile(file)) continue;
    added.push(...[convertPart(isObject(file) ? { ...file, type: "file" } : file, file)].flat());
  }
  return added;
}

const contentParts = (content: unknown): Part[] =>
  asArray(content, [content]).flatMap((item) => {
    const known = isObject(item) && isString(item.type) && contentTypes.has(item.type);
    return known || Array.isArray(item) || !isObject(item) ? convertPart(item) : textPart(textOf(item));
  });

/** What the content of a message was made of, where it was an array. */
const contentTypes: ReadonlySet<string> = new Set([
  "text",
  "reasoning",
  "redacted-reasoning",
  "tool-call",
  "tool-result",
  "tool-invocation",
  "file",
  "image",
  "source",
  "step-start"
]);

const reasoningParts = (reasoning: unknown): Part[] =>
  Array.isArray(reasoning)
    ? [convertPart({ type: "reasoning", details: reasoning })].flat()
    : [{ type: "reasoning", text: textOf(reasoning), state: "done" }];

/** Every field that a message does not have any more, and those of which something found no place in the parts. */
function metadataOf(value: Fields, parts: readonly Part[]): unknown {
  const { id, role, metadata, ...fields } = value;
  const isFound = finder(parts);
  const rest = Object.entries(fields).filter(
    ([name, field]) => field !== undefined && !(fieldsOfParts.has(name) && isFound(field))
  );
  if (id != null && !isString(id) && typeof id !== "number") rest.push(["id", id]);
  if (role !== undefined && !roles.includes(role)) rest.push(["role", role]);
  // Not one by one: a name may be `__proto__`.
  const kept = Object.fromEntries(rest);
  if (Object.keys(kept).length === 0) return metadata;
  if (metadata === undefined) return kept;
  const fits = isObject(metadata) && !Object.keys(kept).some((name) => Object.hasOwn(metadata, name));
  return fits ? { ...kept, ...metadata } : { ...kept, metadata };
}

/** What became parts. */
const fieldsOfParts: ReadonlySet<string> = new Set([
  "parts",
  "content",
  "reasoning",
  "toolInvocations",
  "experimental_attachments"
]);

/** Says of a value whether the parts have all that it consists of. */
function finder(parts: readonly Part[]): (value: unknown) => boolean {
  const values = new Set<unknown>(leavesOf(parts));
  // Texts may have been put together, and data became URLs.
  const texts = [...values].filter(isString).join("");
  return (value) =>
    leavesOf(value).every(
      (leaf) => values.has(leaf) || texts.includes(String(leaf)) || texts.includes(JSON.stringify(leaf).slice(1, -1))
    );
}

/** The texts and numbers of a value, without those that only said its shape. */
function leavesOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  if (isObject(value))
    return Object.entries(value).flatMap(([name, field]) => {
      if (name === "step" && typeof field === "number") return [];
      return (name === "type" || name === "state" || name === "sourceType") && shapes.has(field) ? [] : leavesOf(field);
    });
  return isString(value) || typeof value === "number" ? [value] : [];
}

const shapes: ReadonlySet<unknown> = new Set([...contentTypes, "url", "redacted", "partial-call", "call", "result"]);

function roleOf(role: unknown, parts: readonly Part[]): UIMessage["role"] {
  if (roles.includes(role)) return role as UIMessage["role"];
  if (role === "data" || role === "tool" || role === "function") return "assistant";
  return parts.some((part) => part.type === "reasoning" || "toolCallId" in part) ? "assistant" : "user";
}

const roles: readonly unknown[] = ["user", "assistant", "system"];
const isNotEmpty = (value: unknown): boolean =>
  value != null && value !== "" && !(Array.isArray(value) && value.length === 0);
const asArray = (value: unknown, otherwise: unknown[] = []): unknown[] => (Array.isArray(value) ? value : otherwise);
const stepOf = (call: unknown): number =>
  isObject(call) && Number.isSafeInteger(call.step) ? (call.step as number) : 0;

/** A message that says nothing. */
const isKnownShape = ({ id: _, role: __, content, parts, ...rest }: Fields): boolean =>
  isString(content) ||
  Array.isArray(content) ||
  Array.isArray(parts) ||
  (content == null && parts == null && !Object.values(rest).some(isNotEmpty));

function idOf(value: Fields, id: string | undefined): string {
  if (isString(value.id) && value.id !== "") return value.id;
  if (typeof value.id === "number") return String(value.id);
  return id || idFrom(textOf(value));
}

function plain(value: unknown, id?: string): UIMessage {
  const text = textOf(value);
  return { id: id || idFrom(text), role: "user", parts: [textPart(text)] };
}

/** The same for the same message, however often it is read. */
function idFrom(text: string): string {
  let [a, b] = [0x811c9dc5, 0x1b873593];
  for (let index = 0; index < text.length; index++) {
    a = Math.imul(a ^ text.charCodeAt(index), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(index), 0x85ebca6b) ^ (b >>> 13);
  }
  return `migrated-${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`;
}

/** A value may be anything, an object that throws when it is looked at included. */
function attempt<T>(run: () => T, otherwise: () => T): T {
  try {
    return run();
  } catch {
    return otherwise();
  }
}
