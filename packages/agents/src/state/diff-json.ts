// Reading JSON that `JSON.stringify` wrote, without parsing it: there is no white space, and a key is written in one way only.

export const enum Char {
  Space = 0x20,
  Quote = 0x22,
  Comma = 0x2c,
  Colon = 0x3a,
  OpenBracket = 0x5b,
  Backslash = 0x5c,
  CloseBracket = 0x5d,
  OpenBrace = 0x7b,
  CloseBrace = 0x7d
}

/** Most strings end so soon that looking at each character is cheaper than a native search. */
const near = 24;

/** The index behind the string that begins at `start`. */
export function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < start + near) {
    const char = text.charCodeAt(index);
    if (char === Char.Quote) return index + 1;
    index += char === Char.Backslash ? 2 : 1;
  }
  let end = text.indexOf('"', index);
  while (end >= 0 && isEscaped(text, end, index)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end + 1;
}

/** Whether the character at `index` has an odd number of backslashes before it, none of them before `from`. */
function isEscaped(text: string, index: number, from: number): boolean {
  let first = index;
  while (first > from && text.charCodeAt(first - 1) === Char.Backslash) first--;
  return (index - first) % 2 === 1;
}

/** The index behind the value that begins at `start`; -1 if it does not end by `limit`. */
export function endOfValue(text: string, start: number, limit = text.length): number {
  let depth = 0;
  let index = start;
  while (index < limit) {
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
  return limit === text.length ? limit : -1;
}

/** The key of the value that begins at `valueStart`, as it is written. */
export function keyBefore(text: string, valueStart: number): string {
  const end = valueStart - 2;
  let start = text.lastIndexOf('"', end - 1);
  while (isEscaped(text, start, 0)) start = text.lastIndexOf('"', start - 1);
  return text.slice(start, end + 1);
}

/** A step of a JSON Pointer. */
export const segment = (key: string): string => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;

const shortest = 32;
const longest = 16_384;

/** How many characters are the same in `a` from `aStart` and in `b` from `bStart`. Native comparisons of slices copy nothing. */
export function commonLength(a: string, aStart: number, b: string, bStart: number): number {
  const limit = Math.min(a.length - aStart, b.length - bStart);
  let length = 0;
  let size = shortest;
  for (; length < Math.min(limit, shortest); length++)
    if (a.charCodeAt(aStart + length) !== b.charCodeAt(bStart + length)) return length;
  // Ever longer slices while they are the same, then ever shorter ones around the difference.
  for (let grows = true; size >= shortest;) {
    const isSame =
      length + size <= limit &&
      a.slice(aStart + length, aStart + length + size) === b.slice(bStart + length, bStart + length + size);
    if (isSame) length += size;
    grows &&= isSame;
    if (!grows) size /= 2;
    else if (size < longest) size *= 2;
  }
  while (length < limit && a.charCodeAt(aStart + length) === b.charCodeAt(bStart + length)) length++;
  return length;
}
