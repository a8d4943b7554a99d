const names = new WeakMap<object, string>();

/**
 * The name under which a Worker exports the class of an instance. A minifier changes `constructor.name`, but not the export:
 * only the namespace of its own class accepts the id of an instance.
 */
export function classNameOf(
  instance: object,
  id: DurableObjectId,
  exports: Readonly<Record<string, unknown>> | undefined
): string {
  const constructor = instance.constructor;
  const known = names.get(constructor);
  if (known !== undefined) return known;
  const name = Object.entries(exports ?? {}).find(([, value]) => accepts(value, id))?.[0] ?? constructor.name;
  names.set(constructor, name);
  return name;
}

function accepts(value: unknown, id: DurableObjectId): boolean {
  if (!isNamespace(value)) return false;
  try {
    value.idFromString(id.toString());
    return true;
  } catch {
    return false;
  }
}

const namespaceClasses: ReadonlySet<string> = new Set(["DurableObjectNamespace", "LoopbackDurableObjectNamespace"]);

/** Whether a binding or export is a Durable Object namespace. */
export function isNamespace(value: unknown): value is DurableObjectNamespace {
  // A service binding answers to any name, so the class of the object decides. What `exports` has can be called, too.
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  return namespaceClasses.has(value.constructor?.name);
}
