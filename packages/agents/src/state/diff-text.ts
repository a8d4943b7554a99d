import { Char, commonLength, endOfString, endOfValue, segment } from "./diff-json";
import { Walk, type Container, type Mark, type MarkedText } from "./diff-walk";

/** How many members further a lookout goes for one that came or went, and how long it and those passed may be. */
const lookout = 8;
const lookoutLength = 4096;

export interface TextDiff {
  /** The patch; `undefined` if it would be longer than allowed, or if nothing differs. */
  patch: string | undefined;
  /** Whether parsing both texts may find a shorter one: members have moved further than a lookout goes. */
  isShortest: boolean;
  marks: readonly Mark[];
}

/**
 * Finds a patch by going through both texts in step: native comparisons pass what is the same, and each difference is settled
 * at the innermost value around it, behind which both go on. What is before that place is as in `after` then, so paths count
 * elements as `after` does.
 */
export function diffInStep(before: MarkedText, after: string, limit: number): TextDiff {
  return new InStep(before, after, limit).run();
}

class InStep {
  readonly #walk: Walk;
  readonly #before: string;
  readonly #after: string;
  readonly #limit: number;
  #isShortest = true;
  /** How much lookouts may still read: not more than there is to read anyway. */
  #budget: number;

  constructor(before: MarkedText, after: string, limit: number) {
    this.#walk = new Walk(after, before.marks);
    this.#before = before.text;
    this.#after = after;
    this.#limit = limit;
    this.#budget = after.length;
  }

  run(): TextDiff {
    const walk = this.#walk;
    const { operations, marks } = walk;
    for (;;) {
      const before = walk.inBefore(walk.index);
      const same = commonLength(this.#before, before, this.#after, walk.index);
      const [i, j] = [before + same, walk.index + same];
      if (i === this.#before.length && j === this.#after.length) break;
      walk.advance(j);
      if (!this.#settle(i, j) || (operations.length > this.#limit && !this.#condense())) {
        const isShortest = this.#isShortest && !walk.open.some(({ isUnmatched }) => isUnmatched);
        return { patch: undefined, isShortest, marks };
      }
    }
    walk.finish();
    return { patch: operations.toText(), isShortest: this.#isShortest, marks };
  }

  /** Writes down the difference that begins at `i` and `j`, and goes on behind it. False if the whole value is another one. */
  #settle(i: number, j: number): boolean {
    const walk = this.#walk;
    const { open } = walk;
    const top = open.at(-1);
    if (!top) return false;
    // White space between values: this text was stored by somebody else.
    if (walk.index === j && this.#before.charCodeAt(i) <= Char.Space) return (this.#isShortest = false);
    for (let depth = 0; depth < open.length; depth++) if (open[depth]!.isArray && this.#align(depth, i, j)) return true;
    const start = top.valueStart;
    if (top.isDone || this.#isMissing(top)) this.#settleEnd(top, i, j);
    else if (start < 0) this.#settleKeys(top);
    else {
      const endBefore = endOfValue(this.#before, walk.inBefore(start));
      const end = endOfValue(this.#after, start);
      if (endBefore === i && end === j) this.#settleEnd(top, i, j);
      else {
        walk.operations.replace(walk.memberPointer(), this.#after.slice(start, end));
        this.#resumeBehind(top, endBefore, end);
      }
    }
    return true;
  }

  /** Goes on behind a member, which is the innermost container's. */
  #resumeBehind(top: Container, before: number, after: number): void {
    top.isDone = true;
    this.#walk.resume(before, after);
  }

  /** Whether one of the texts has no first element here. */
  #isMissing({ isArray, valueStart }: Container): boolean {
    if (!isArray) return false;
    const before = this.#before.charCodeAt(this.#walk.inBefore(valueStart));
    return before === Char.CloseBracket || this.#after.charCodeAt(valueStart) === Char.CloseBracket;
  }

  /** Writes down that only one of the texts has members from here on. */
  #settleEnd(top: Container, i: number, j: number): void {
    let [before, after] = [i, j];
    if (top.isUnmatched) this.#isShortest = false;
    const isFirst = this.#before.charCodeAt(i) !== Char.Comma && this.#after.charCodeAt(j) !== Char.Comma;
    const index = isFirst ? top.index : top.index + 1;
    for (top.index = index; !isClose(this.#after, after); top.index++)
      after = this.#add(top, behindComma(this.#after, after));
    top.index = index;
    while (!isClose(this.#before, before)) before = this.#remove(top, behindComma(this.#before, before));
    this.#resumeBehind(top, before, after);
  }

  /** Adds a member to the innermost container. Returns where it ends. */
  #add(top: Container, start: number): number {
    const { operations } = this.#walk;
    const keyEnd = top.isArray ? start : endOfString(this.#after, start) + 1;
    const end = endOfValue(this.#after, keyEnd);
    const value = this.#after.slice(keyEnd, end);
    const key = this.#after.slice(start, keyEnd - 1);
    const pointer = this.#pointer(top, key);
    const gone = top.moved?.get(key);
    if (gone) {
      operations.cancel(gone.operation);
      if (gone.value !== value) operations.replace(pointer, value);
      this.#isShortest &&= gone.value === value;
    } else {
      this.#note(top, key, value);
      operations.add(pointer, value);
    }
    return end;
  }

  /** Removes a member from the innermost container. Returns where it ended. */
  #remove(top: Container, start: number): number {
    const { operations } = this.#walk;
    const keyEnd = top.isArray ? start : endOfString(this.#before, start) + 1;
    const end = endOfValue(this.#before, keyEnd);
    const value = this.#before.slice(keyEnd, end);
    const key = this.#before.slice(start, keyEnd - 1);
    const come = top.moved?.get(key);
    if (come) {
      // A field that exists is replaced by adding it.
      if (come.value === value) operations.cancel(come.operation);
      this.#isShortest &&= come.value === value;
    } else {
      this.#note(top, key, value);
      operations.remove(this.#pointer(top, key));
    }
    return end;
  }

  #pointer({ isArray, index }: Container, key: string): string {
    const { open } = this.#walk;
    return this.#walk.pointer(open.length - 1) + (isArray ? `/${index}` : segment(JSON.parse(key) as string));
  }

  #note(top: Container, key: string, value: string): void {
    if (!top.isArray) (top.moved ??= new Map()).set(key, { value, operation: this.#walk.operations.count });
  }

  /** Writes down which fields came or went here: those before the next one that both texts have, if that is near. */
  #settleKeys(top: Container): void {
    const walk = this.#walk;
    const start = top.memberStart;
    const startBefore = walk.inBefore(start);
    if (isClose(this.#before, startBefore) || isClose(this.#after, start))
      return this.#settleEnd(top, startBefore, start);
    const key = this.#after.slice(start, endOfString(this.#after, start));
    const keyBefore = this.#before.slice(startBefore, endOfString(this.#before, startBefore));
    const found = this.#findKey(this.#after, start, keyBefore);
    const foundBefore = this.#findKey(this.#before, startBefore, key);
    if (found < 0 && foundBefore < 0) {
      const endBefore = this.#remove(top, startBefore);
      return this.#resumeBehind(top, endBefore, this.#add(top, start));
    }
    let [before, after] = [startBefore, start];
    if (found < 0 || (foundBefore >= 0 && foundBefore - startBefore < found - start))
      while (before < foundBefore) before = this.#remove(top, before) + 1;
    else while (after < found) after = this.#add(top, after) + 1;
    walk.resume(before, after);
    walk.begin(top, after);
  }

  /** Where the field with this key begins, among those that follow the one at `start`; -1 if it is not near. */
  #findKey(text: string, start: number, key: string): number {
    for (let passed = 0; passed < lookout; passed++) {
      const end = this.#endNearby(text, endOfString(text, start) + 1);
      if (end < 0 || text.charCodeAt(end) !== Char.Comma) return -1;
      start = end + 1;
      if (text.startsWith(key, start)) return start;
    }
    return -1;
  }

  /** Looks whether the element of a list in which the texts differ has come, or another has gone. If so, goes on behind that. */
  #align(depth: number, i: number, j: number): boolean {
    const walk = this.#walk;
    const list = walk.open[depth]!;
    const inner = walk.open[depth + 1];
    const start = inner ? inner.start : list.valueStart;
    if (list.checked === start || (!inner && list.isDone)) return false;
    list.checked = start;
    // The beginning of a long element is the same: it is that element.
    if (j - start > lookoutLength || (!inner && this.#isMissing(list))) return false;
    const startBefore = walk.inBefore(start);
    const endBefore = this.#endNearby(this.#before, startBefore);
    const end = this.#endNearby(this.#after, start);
    if (endBefore >= 0 && end >= 0) {
      if ((endBefore === i && end === j) || this.#isFollowedAlike(endBefore, end)) return false;
      const come = this.#findElement(this.#after, end, this.#before.slice(startBefore, endBefore));
      const gone = this.#findElement(this.#before, endBefore, this.#after.slice(start, end));
      if (come >= 0 || gone >= 0) {
        walk.open.length = depth + 1;
        const isCome = gone < 0 || (come >= 0 && come - end <= gone - endBefore);
        this.#shift(list, [startBefore, isCome ? startBefore : gone], [start, isCome ? come : start]);
        return true;
      }
    }
    list.isUnmatched = true;
    return false;
  }

  /** Removes elements of one part of the text before, or adds those of one part of the text after. */
  #shift(list: Container, gone: readonly [number, number], come: readonly [number, number]): void {
    const walk = this.#walk;
    let before = gone[0];
    for (; before < gone[1]; list.indexShift--) before = this.#remove(list, before) + 1;
    let after = come[0];
    for (; after < come[1]; list.index++, list.indexShift++) after = this.#add(list, after) + 1;
    walk.resume(before, after);
    walk.begin(list, after);
  }

  /** Whether the texts go on in the same way behind two elements: those were replaced. */
  #isFollowedAlike(before: number, after: number): boolean {
    if (this.#before.charCodeAt(before) !== this.#after.charCodeAt(after)) return false;
    if (isClose(this.#after, after)) return true;
    const endBefore = this.#endNearby(this.#before, before + 1);
    const end = this.#endNearby(this.#after, after + 1);
    return endBefore >= 0 && end >= 0 && this.#before.slice(before, endBefore) === this.#after.slice(after, end);
  }

  /** Where an element begins that is written like this, among those behind the one that ends at `end`; -1 if none is near. */
  #findElement(text: string, end: number, element: string): number {
    for (let passed = 0; passed < lookout && text.charCodeAt(end) === Char.Comma; passed++) {
      const start = end + 1;
      end = this.#endNearby(text, start);
      if (end < 0) return -1;
      if (text.slice(start, end) === element) return start;
    }
    return -1;
  }

  /** The end of a value that is short enough to look behind it; otherwise -1. */
  #endNearby(text: string, start: number): number {
    if (this.#budget < 0) return -1;
    const end = endOfValue(text, start, Math.min(text.length, start + lookoutLength));
    this.#budget -= (end < 0 ? start + lookoutLength : end) - start;
    return end;
  }

  /** Replaces the outermost container that is shorter than the operations for what is in it. */
  #condense(): boolean {
    const walk = this.#walk;
    for (let depth = 1; depth < walk.open.length; depth++) {
      const container = walk.open[depth]!;
      if (container.end < 0) container.end = endOfValue(this.#after, container.start);
      if (!walk.condense(depth, container.end)) continue;
      walk.open.length = depth;
      this.#resumeBehind(walk.open[depth - 1]!, endOfValue(this.#before, container.startBefore), container.end);
      return walk.operations.length <= this.#limit;
    }
    return false;
  }
}

function isClose(text: string, index: number): boolean {
  const char = text.charCodeAt(index);
  return char === Char.CloseBracket || char === Char.CloseBrace;
}

const behindComma = (text: string, index: number): number =>
  text.charCodeAt(index) === Char.Comma ? index + 1 : index;
