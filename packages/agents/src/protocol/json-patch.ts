/** A change of a JSON value, as RFC 6902 writes it: the operations that we send. */
export type JsonPatch = readonly PatchOperation[];
export type PatchOperation = { op: "add" | "replace"; path: string; value: unknown } | { op: "remove"; path: string };

type Container = Record<string, unknown> | unknown[];

/**
 * Applies a patch. What it does not touch is shared with the value before; nothing is changed in place.
 *
 * @returns the new value, or `undefined` if the patch does not fit
 */
export function applyPatch(value: unknown, patch: JsonPatch): { value: unknown } | undefined {
  let root: unknown = value;
  const own = new Set<unknown>();
  for (const operation of patch) {
    const keys = parsePointer(operation.path);
    if (!keys) return undefined;
    if (keys.length === 0) {
      if (operation.op !== "replace") return undefined;
      root = operation.value;
      continue;
    }
    const copied = change(root, keys, operation, own);
    if (!copied) return undefined;
    root = copied;
  }
  return { value: root };
}

/** Copies the containers on the way (once each), and changes the last. */
function change(
  value: unknown,
  keys: readonly string[],
  operation: PatchOperation,
  own: Set<unknown>
): Container | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const copy: Container = own.has(value)
    ? (value as Container)
    : Array.isArray(value)
      ? [...value]
      : { ...(value as Record<string, unknown>) };
  own.add(copy);
  const [key = "", ...rest] = keys;
  if (rest.length > 0) {
    if (!Object.hasOwn(copy, key)) return undefined;
    const inner = change((copy as Record<string, unknown>)[key], rest, operation, own);
    if (!inner) return undefined;
    set(copy, key, inner);
    return copy;
  }
  return Array.isArray(copy) ? changeArray(copy, key, operation) : changeObject(copy, key, operation);
}

function changeArray(array: unknown[], key: string, operation: PatchOperation): Container | undefined {
  const index = key === "-" ? array.length : /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1;
  const limit = operation.op === "add" ? array.length : array.length - 1;
  if (index < 0 || index > limit) return undefined;
  if (operation.op === "add") array.splice(index, 0, operation.value);
  else if (operation.op === "remove") array.splice(index, 1);
  else array[index] = operation.value;
  return array;
}

function changeObject(object: Record<string, unknown>, key: string, operation: PatchOperation): Container | undefined {
  if (operation.op !== "add" && !Object.hasOwn(object, key)) return undefined;
  if (operation.op === "remove") delete object[key];
  else set(object, key, operation.value);
  return object;
}

/** Sets an own field, also one that is called `__proto__`. */
function set(container: Container, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(container, key, { value, configurable: true, enumerable: true, writable: true });
  else (container as Record<string, unknown>)[key] = value;
}

function parsePointer(path: string): string[] | undefined {
  if (path === "") return [];
  if (!path.startsWith("/")) return undefined;
  return path
    .slice(1)
    .split("/")
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}
