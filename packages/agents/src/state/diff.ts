import type { PatchOperation } from "../protocol/json-patch";

/** Below this, a patch saves nothing worth the work. */
const smallState = 512;
/** A patch has to be this much smaller than the state. */
const worthwhile = 0.75;

/**
 * Finds what changed between two JSON texts.
 *
 * It works on texts, not on objects, because programs change an object in place and set it again: only the text that was
 * stored knows what clients have. Most changes are in one place, which is found without parsing anything.
 *
 * @returns a JSON Patch as text, or `undefined` when the whole state is the better message
 */
export function diffTexts(before: string, after: string): string | undefined {
  if (after.length < smallState) return undefined;
  const limit = after.length * worthwhile;
  const local = replaceOne(before, after);
  // A small part of a large state: looking closer would cost more than it saves.
  if (local && local.length <= after.length * 0.1) return local;
  const operations: PatchOperation[] = [];
  diffValues(JSON.parse(before), JSON.parse(after), "", operations);
  const structural = JSON.stringify(operations);
  const smallest = local && local.length < structural.length ? local : structural;
  // Nothing but the order of fields differs: clients need no order, but they need the new revision.
  return operations.length > 0 && smallest.length < limit ? smallest : undefined;
}

/** Replaces the smallest value around everything that differs. */
function replaceOne(before: string, after: string): string | undefined {
  const start = commonPrefix(before, after);
  const tail = commonSuffix(before, after, start);
  const beforeEnd = before.length - tail;
  const afterEnd = after.length - tail;
  for (const { valueStart, pointer } of valuesAround(after, start).reverse()) {
    if (valueStart === 0) return undefined;
    const end = endOfValue(after, valueStart);
    const endBefore = endOfValue(before, valueStart);
    // An empty list has no element here yet, or no more.
    if (end === valueStart || endBefore === valueStart) continue;
    if (end < afterEnd || endBefore < beforeEnd || before.length - endBefore !== after.length - end) continue;
    return `[{"op":"replace","path":${JSON.stringify(pointer())},"value":${after.slice(valueStart, end)}}]`;
  }
  return undefined;
}

const step = 1024;

function commonPrefix(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let index = 0;
  while (index + step <= limit && a.slice(index, index + step) === b.slice(index, index + step)) index += step;
  while (index < limit && a.charCodeAt(index) === b.charCodeAt(index)) index++;
  return index;
}

function commonSuffix(a: string, b: string, from: number): number {
  const limit = Math.min(a.length, b.length) - from;
  let length = 0;
  while (length + step <= limit && tailSlice(a, length) === tailSlice(b, length)) length += step;
  while (length < limit && a.charCodeAt(a.length - length - 1) === b.charCodeAt(b.length - length - 1)) length++;
  return length;
}

const tailSlice = (text: string, length: number): string =>
  text.slice(text.length - length - step, text.length - length);

interface Around {
  /** Where the value begins. */
  valueStart: number;
  /** Its JSON Pointer. */
  pointer(): string;
}

interface Container {
  isArray: boolean;
  index: number;
  /** Where the key and the value of the current member are; -1 while they have not begun. */
  keyStart: number;
  valueStart: number;
}

const enum Char {
  Quote = 0x22,
  Comma = 0x2c,
  Colon = 0x3a,
  OpenBracket = 0x5b,
  CloseBracket = 0x5d,
  OpenBrace = 0x7b,
  CloseBrace = 0x7d
}

/** The values that contain a position, outermost first. The text has no white space: `JSON.stringify` made it. */
function valuesAround(text: string, position: number): Around[] {
  const stack: Container[] = [];
  let index = 0;
  let top: Container | undefined;
  while (index < position) {
    switch (text.charCodeAt(index)) {
      case Char.Quote: {
        if (top && !top.isArray && top.keyStart < 0) top.keyStart = index;
        index = endOfString(text, index);
        continue;
      }
      case Char.Colon:
        if (top) top.valueStart = index + 1;
        break;
      case Char.Comma:
        if (top) {
          top.index++;
          top.keyStart = -1;
          top.valueStart = top.isArray ? index + 1 : -1;
        }
        break;
      case Char.OpenBracket:
        stack.push((top = { isArray: true, index: 0, keyStart: -1, valueStart: index + 1 }));
        break;
      case Char.OpenBrace:
        stack.push((top = { isArray: false, index: 0, keyStart: -1, valueStart: -1 }));
        break;
      case Char.CloseBracket:
      case Char.CloseBrace:
        stack.pop();
        top = stack.at(-1);
        break;
    }
    index++;
  }
  const members = stack.filter(({ valueStart }) => valueStart >= 0 && valueStart <= position);
  const values: Around[] = [{ valueStart: 0, pointer: () => "" }];
  members.forEach(({ valueStart }, depth) => {
    // An inner container whose member has not begun ends the chain: what is deeper is not inside a value.
    if (members[depth] !== stack[depth]) return;
    values.push({
      valueStart,
      pointer: () =>
        members
          .slice(0, depth + 1)
          .map((member) => segment(text, member))
          .join("")
    });
  });
  return values;
}

function segment(text: string, { isArray, index, keyStart }: Container): string {
  if (isArray) return `/${index}`;
  return `/${escapeKey(JSON.parse(text.slice(keyStart, endOfString(text, keyStart))) as string)}`;
}

const escapeKey = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** The index behind the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end + 1;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === 0x5c) backslashes++;
  return backslashes % 2 === 1;
}

/** The index behind the value that begins at `start`. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let index = start;
  while (index < text.length) {
    switch (text.charCodeAt(index)) {
      case Char.Quote:
        index = endOfString(text, index);
        if (depth === 0) return index;
        continue;
      case Char.OpenBracket:
      case Char.OpenBrace:
        depth++;
        break;
      case Char.CloseBracket:
      case Char.CloseBrace:
        if (depth === 0) return index;
        if (--depth === 0) return index + 1;
        break;
      case Char.Comma:
        if (depth === 0) return index;
        break;
    }
    index++;
  }
  return index;
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function diffValues(before: unknown, after: unknown, path: string, operations: PatchOperation[]): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) return diffArrays(before, after, path, operations);
  if (isFields(before) && isFields(after)) return diffFields(before, after, path, operations);
  operations.push({ op: "replace", path, value: after });
}

function diffFields(before: Fields, after: Fields, path: string, operations: PatchOperation[]): void {
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) operations.push({ op: "remove", path: `${path}/${escapeKey(key)}` });
  }
  for (const [key, value] of Object.entries(after)) {
    const inner = `${path}/${escapeKey(key)}`;
    if (Object.hasOwn(before, key)) diffValues(before[key], value, inner, operations);
    else operations.push({ op: "add", path: inner, value });
  }
}

/** Elements that came or went in one place; the others by their index. */
function diffArrays(before: unknown[], after: unknown[], path: string, operations: PatchOperation[]): void {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  if (before.length !== after.length) while (start < shorter && areEqual(before[start], after[start])) start++;
  let tail = 0;
  if (before.length !== after.length)
    while (tail < shorter - start && areEqual(before.at(-1 - tail), after.at(-1 - tail))) tail++;
  const both = shorter - tail;
  for (let index = start; index < both; index++)
    diffValues(before[index], after[index], `${path}/${index}`, operations);
  for (let index = both; index < after.length - tail; index++)
    operations.push({ op: "add", path: `${path}/${index}`, value: after[index] });
  for (let index = both; index < before.length - tail; index++)
    operations.push({ op: "remove", path: `${path}/${both}` });
}

function areEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((value, index) => areEqual(value, b[index]));
  if (!isFields(a) || !isFields(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && areEqual(a[key], b[key]))
  );
}
