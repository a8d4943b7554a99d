import type { PatchOperation } from "../protocol/json-patch";
import { segment } from "./diff-json";

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What leads from one value to another, however far apart the places are that changed. */
export function diffStructures(before: unknown, after: unknown): PatchOperation[] {
  const operations: PatchOperation[] = [];
  diffValues(before, after, "", operations);
  return operations;
}

function diffValues(before: unknown, after: unknown, path: string, operations: PatchOperation[]): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) return diffArrays(before, after, path, operations);
  if (isFields(before) && isFields(after)) return diffFields(before, after, path, operations);
  operations.push({ op: "replace", path, value: after });
}

function diffFields(before: Fields, after: Fields, path: string, operations: PatchOperation[]): void {
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) operations.push({ op: "remove", path: path + segment(key) });
  }
  for (const [key, value] of Object.entries(after)) {
    const inner = path + segment(key);
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
