import { Char, endOfString, keyBefore, segment } from "./diff-json";
import { Operations } from "./diff-operations";

/**
 * Which lists and objects are open at a place of a text where a member begins: the place, then where each of them begins and
 * the index of its current element, outermost first.
 */
export type Mark = readonly number[];

/** A text of `JSON.stringify`, with marks in ascending order that save walking through it from the start. */
export interface MarkedText {
  readonly text: string;
  marks?: readonly Mark[];
}

/** What an operation has in addition to its value and its path, nearly. */
const operationOverhead = 36;
/** A mark is some numbers for so many characters, and walking so far takes some microseconds. */
const markEvery = 4096;
/** Deeper down, marks would be long. */
const markDepth = 32;

/** A field that came or went, and maybe did the other elsewhere. */
export interface Moved {
  value: string;
  operation: number;
}

/** A list or an object that begins before the place where a walk is, and ends behind it. */
export interface Container {
  readonly isArray: boolean;
  readonly startBefore: number;
  readonly start: number;
  /** Of the current element of a list, and how much larger that is than the same element's index before. */
  index: number;
  indexShift: number;
  /** Where the current member (a key, or an element) and its value begin; -1 before the colon. Stale while an inner one is open. */
  memberStart: number;
  valueStart: number;
  /** Whether that value is known to have ended. */
  isDone: boolean;
  /** Its JSON Pointer, and where it ends in the text after, once somebody asked. */
  pointer: string | undefined;
  end: number;
  /** Of a list: the start of the last element that was looked at for having come or gone, and whether one was in vain. */
  checked: number;
  isUnmatched: boolean;
  /** Of an object: its fields that came or went, by the text of the key. */
  moved: Map<string, Moved> | undefined;
  /** What the patch was when it began. */
  readonly operationsBefore: number;
  readonly lengthBefore: number;
}

/** Walks through the text after a change, in step with the one before, and keeps track of where in the value it is. */
export class Walk {
  readonly operations = new Operations();
  readonly after: string;
  /** What is open, outermost first. */
  readonly open: Container[] = [];
  /** What was read of the text after: all before this, which is never within a string. */
  index = 0;
  /** How much further behind a place is in the text after than in the one before, since the last difference. */
  #shift = 0;
  readonly marks: Mark[] = [];
  readonly #marksBefore: readonly Mark[];
  #nextMark = 0;

  constructor(after: string, marksBefore: readonly Mark[] = []) {
    this.after = after;
    this.#marksBefore = marksBefore;
  }

  /** Goes on behind a difference, from places with the same lists and objects around them. */
  resume(before: number, after: number): void {
    this.index = after;
    this.#shift = after - before;
  }

  /** Reads up to `to`, or to the end of the string in which that is. Both texts are the same up to `to`. */
  advance(to: number): void {
    this.#read(Math.min(to, this.#settled()));
    this.#jump(to);
    this.#read(to);
  }

  /** Both texts are the same from here to their ends. */
  finish(): void {
    this.#read(Math.min(this.after.length, this.#settled()));
    this.#jump(this.after.length);
  }

  /** Where in the text before the same place is. */
  inBefore(index: number): number {
    return index - this.#shift;
  }

  /** The JSON Pointer of an open container. */
  pointer(depth: number): string {
    let known = depth;
    while (known > 0 && this.open[known]!.pointer === undefined) known--;
    let pointer = this.open[known]!.pointer ?? "";
    while (known++ < depth) {
      const container = this.open[known]!;
      pointer = container.pointer = pointer + this.#step(this.open[known - 1]!, container.start);
    }
    return pointer;
  }

  /** The JSON Pointer of the current member of the innermost container. */
  memberPointer(): string {
    const top = this.open.at(-1)!;
    return this.pointer(this.open.length - 1) + this.#step(top, top.valueStart);
  }

  #step(container: Container, valueStart: number): string {
    if (container.isArray) return `/${container.index}`;
    return segment(JSON.parse(keyBefore(this.after, valueStart)) as string);
  }

  #read(to: number): void {
    const { after, open } = this;
    let top = open.at(-1);
    let index = this.index;
    while (index < to) {
      switch (after.charCodeAt(index)) {
        case Char.Quote:
          index = endOfString(after, index);
          continue;
        case Char.Colon:
          top!.valueStart = index + 1;
          break;
        case Char.Comma:
          top!.index++;
          this.begin(top!, index + 1);
          if (index - this.#lastMark() >= markEvery) this.#mark(index + 1);
          break;
        case Char.OpenBracket:
        case Char.OpenBrace:
          top = this.#open(index);
          break;
        case Char.CloseBracket:
        case Char.CloseBrace:
          this.#close(index + 1);
          top = open.at(-1);
          break;
      }
      index++;
    }
    this.index = index;
  }

  #open(start: number): Container {
    const isArray = this.after.charCodeAt(start) === Char.OpenBracket;
    const container: Container = {
      isArray,
      startBefore: this.inBefore(start),
      start,
      index: 0,
      indexShift: 0,
      memberStart: start + 1,
      valueStart: isArray ? start + 1 : -1,
      isDone: false,
      pointer: undefined,
      end: -1,
      checked: -1,
      isUnmatched: false,
      moved: undefined,
      operationsBefore: this.operations.count,
      lengthBefore: this.operations.length
    };
    this.open.push(container);
    return container;
  }

  #close(end: number): void {
    const depth = this.open.length - 1;
    if (depth > 0) this.condense(depth, end);
    this.open.pop();
    const around = this.open.at(-1);
    if (around) around.isDone = true;
  }

  /** Takes one operation for an open container, which ends at `end`, instead of those for what is in it, if that is shorter. */
  condense(depth: number, end: number): boolean {
    const { start, operationsBefore, lengthBefore } = this.open[depth]!;
    const { count, length } = this.operations;
    if (count - operationsBefore <= 1 || length - lengthBefore <= end - start + operationOverhead) return false;
    this.operations.truncate(operationsBefore, lengthBefore);
    this.operations.replace(this.pointer(depth), this.after.slice(start, end));
    return true;
  }

  /** From where on no open container can be shorter than the operations for what is in it. */
  #settled(): number {
    const { count, length } = this.operations;
    let settled = 0;
    for (let depth = 1; depth < this.open.length; depth++) {
      const { start, operationsBefore, lengthBefore } = this.open[depth]!;
      if (count - operationsBefore > 1) settled = Math.max(settled, start + length - lengthBefore);
    }
    return settled;
  }

  #lastMark(): number {
    return this.marks.at(-1)?.[0] ?? 0;
  }

  #mark(index: number): void {
    if (this.open.length > markDepth) return;
    this.marks.push([index, ...this.open.flatMap((container) => [container.start, container.index])]);
  }

  /** Goes to the last mark of the text before that is not behind `to`. All marks on the way hold for the text after, too. */
  #jump(to: number): void {
    let last: Mark | undefined;
    for (; this.#nextMark < this.#marksBefore.length; this.#nextMark++) {
      const mark = this.#marksBefore[this.#nextMark]!;
      const index = mark[0]! + this.#shift;
      if (index > to) break;
      if (index <= this.index) continue;
      last = mark;
      if (index - this.#lastMark() >= markEvery / 2) this.marks.push(this.#moved(mark));
    }
    if (last) this.#enter(this.#moved(last));
  }

  /** The mark of the same place in the text after. */
  #moved(mark: Mark): Mark {
    const moved = [mark[0]! + this.#shift];
    let isOpen = true;
    for (let at = 1; at < mark.length; at += 2) {
      const container = this.open[(at - 1) / 2];
      isOpen &&= container?.startBefore === mark[at];
      if (container && isOpen) moved.push(container.start, mark[at + 1]! + container.indexShift);
      else moved.push(mark[at]! + this.#shift, mark[at + 1]!);
    }
    return moved;
  }

  #enter(mark: Mark): void {
    let isOpen = true;
    for (let at = 1; at < mark.length; at += 2) {
      const depth = (at - 1) / 2;
      isOpen &&= this.open[depth]?.start === mark[at];
      if (!isOpen) {
        this.open.length = depth;
        this.#open(mark[at]!);
      }
      this.open[depth]!.index = mark[at + 1]!;
    }
    this.open.length = (mark.length - 1) / 2;
    this.index = mark[0]!;
    this.begin(this.open.at(-1)!, this.index);
  }

  /** A member of the innermost container begins. */
  begin(container: Container, start: number): void {
    container.memberStart = start;
    container.valueStart = container.isArray ? start : -1;
    container.isDone = false;
  }
}
