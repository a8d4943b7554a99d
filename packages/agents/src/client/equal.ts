/** Whether two values are the same as JSON. Objects that are not plain are only the same as themselves. */
export function isEqual(a: unknown, b: unknown): boolean {
  // Not by recursion: a state may be deeper than the stack.
  const pairs: [unknown, unknown][] = [[a, b]];
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [one, other] = pair;
    if (Object.is(one, other)) continue;
    if (!isPlain(one) || !isPlain(other) || Array.isArray(one) !== Array.isArray(other)) return false;
    const keys = Object.keys(one);
    if (keys.length !== Object.keys(other).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(other, key)) return false;
      pairs.push([one[key], other[key]]);
    }
  }
  return true;
}

/** Whether it is an object, or an array, as `JSON.parse` makes them. */
function isPlain(value: unknown): value is Record<string, unknown> {
  const prototype: unknown = typeof value === "object" && value && Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}
