import { diffStructures } from "./diff-structure";
import { diffInStep } from "./diff-text";
import type { MarkedText } from "./diff-walk";

/** Below this, a patch saves nothing worth the work. */
const smallState = 512;
/** A patch has to be this much smaller than the state. */
const worthwhile = 0.75;
/** For a patch that is so much smaller, looking closer would cost more than it saves. */
const smallPatch = 0.1;

/**
 * Finds what changed between two JSON texts.
 *
 * It works on texts, not on objects, because programs change an object in place and set it again: only the text that was
 * stored knows what clients have. Most changes are found without parsing anything.
 *
 * @param after gets marks, by which the next change is found faster
 * @returns a JSON Patch as text, or `undefined` when the whole state is the better message
 */
export function diffTexts(before: MarkedText, after: MarkedText): string | undefined {
  const size = after.text.length;
  if (size < smallState) return undefined;
  const { patch, isShortest, marks } = diffInStep(before, after.text, size * worthwhile);
  if (marks.length > 0) after.marks = marks;
  if (isShortest || (patch && patch.length <= size * smallPatch)) return patch;
  const operations = diffStructures(JSON.parse(before.text), JSON.parse(after.text));
  // Nothing but the order of fields differs: clients need no order, but they need the new revision.
  if (operations.length === 0) return undefined;
  const structural = JSON.stringify(operations);
  if (patch && patch.length <= structural.length) return patch;
  return structural.length < size * worthwhile ? structural : undefined;
}
