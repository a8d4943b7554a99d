import type { Fields } from "./frames";

// Characters that stand for themselves: no quotes, no escapes, and nothing below a space.
const head = /^\{"type":"rpc","id":"([ !#-[\]-\uffff]*)","method":"([ !#-[\]-\uffff]*)","args":/;

// The parts of a text keep all of it.
const maxLength = 4096;

/**
 * Reads a call as clients write it. The engine's parser enters each short string among the names that it knows, and looks up each
 * field there: with an id that nobody has seen before, that is more than all that we do for a call.
 *
 * @returns what `JSON.parse` returns for this text, or nothing where it is not written so
 */
export function readCall(text: string): Fields | undefined {
  if (text.length > maxLength || !text.endsWith("]}")) return undefined;
  const found = head.exec(text);
  if (!found) return undefined;
  try {
    return { type: "rpc", id: found[1], method: found[2], args: JSON.parse(text.slice(found[0].length, -1)) };
  } catch {
    // The last bracket was not that of its arguments.
    return undefined;
  }
}
