/** What a client may know of a method. */
export type CallableMetadata = {
  /** What the method does, for people and models. */
  description?: string;
  /** The first parameter is a `StreamingResponse`. */
  streaming?: boolean;
  /** Goes on when the connection that called it closes. Otherwise its signal is aborted then. */
  detached?: boolean;
};

// A parameter list that any method fits.
// oxlint-disable-next-line typescript/no-explicit-any
type Method = (...args: any[]) => unknown;
type Registry = Map<string, CallableMetadata>;

// On the class's decorator metadata, by name: another decorator may replace the function, but not its name. A registered
// symbol, so that two copies of the package in one bundle agree.
const registryKey = Symbol.for("agents.callable");
const metadataKey: symbol = Symbol.metadata ?? Symbol.for("Symbol.metadata");
/** For compilers that give decorators no metadata object. */
const byFunction = new WeakMap<object, CallableMetadata>();

/**
 * Lets clients call a method over their connection.
 *
 * @param metadata `description` for whoever lists the methods; `streaming: true` for a method that sends many values;
 * `detached: true` for one that goes on when the connection that called it closes
 * @example
 * class Counter extends Agent { @callable({ description: "Adds one" }) increment() { ... } }
 */
export function callable(metadata: CallableMetadata & { /** Another name of `streaming`. */ stream?: boolean } = {}) {
  const { stream, ...rest } = metadata;
  const known: CallableMetadata = stream === undefined ? rest : { ...rest, streaming: rest.streaming ?? stream };
  return function <This, Target extends Method>(
    method: Target,
    context: ClassMethodDecoratorContext<This, Target>
  ): Target {
    if (context?.kind !== "method" || context.static) {
      throw new TypeError(
        '@callable() is for methods, and needs standard decorators: remove "experimentalDecorators" from tsconfig.json'
      );
    }
    const shared = context.metadata as { [registryKey]?: Registry } | undefined;
    if (shared) {
      // An own map: the metadata of a subclass inherits from that of its base class.
      if (!Object.hasOwn(shared, registryKey)) shared[registryKey] = new Map();
      shared[registryKey]!.set(String(context.name), known);
    } else {
      byFunction.set(method, known);
    }
    return method;
  };
}

/** Marks a wrapper of a callable method as what it wraps. */
export function inheritCallable(wrapper: object, method: object): void {
  const metadata = byFunction.get(method);
  if (metadata) byFunction.set(wrapper, metadata);
}

/** What is known of a name. `isBrief`: all calls so far were over when the method returned; unknown before the first. */
export type Lookup = (
  | { status: "callable"; name: string; metadata: CallableMetadata }
  | { status: "hidden" }
  | { status: "missing" }
) & { isBrief?: boolean };

/** The callable methods that were found so far, by name. */
export type Callables = Map<string, Lookup>;

const callablesByPrototype = new WeakMap<object, Callables>();

/** What was found, for all instances of a class. It stays: classes do not change. */
export function callablesOf(agent: object): Callables {
  const prototype = prototypeOf(agent)!;
  let known = callablesByPrototype.get(prototype);
  if (!known) callablesByPrototype.set(prototype, (known = new Map()));
  return known;
}

/** Finds a method by the name that a client sent. `known` is that of its class. */
export function lookUp(agent: object, name: string, known: Callables = callablesOf(agent)): Lookup {
  let result = known.get(name);
  if (!result) {
    result = search(agent, name);
    // Names that clients make up are not kept.
    if (result.status === "callable") known.set(name, result);
  }
  return result;
}

/** Looks at descriptors only: no getter runs, nothing of `Object` is reached. */
function search(agent: object, name: string): Lookup {
  for (
    let prototype = prototypeOf(agent);
    prototype !== null && prototype !== Object.prototype;
    prototype = prototypeOf(prototype)
  ) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    if (!descriptor) continue;
    if (typeof descriptor.value !== "function") return { status: "missing" };
    // An override without the decorator is not callable: what a subclass hides stays hidden.
    const metadata = registryOf(prototype)?.get(name) ?? byFunction.get(descriptor.value);
    return metadata ? { status: "callable", name, metadata } : { status: "hidden" };
  }
  return { status: "missing" };
}

/** All callable methods of an agent, those of base classes included. */
export function callableMethods(agent: object): Map<string, CallableMetadata> {
  const found = new Map<string, CallableMetadata>();
  for (
    let prototype = prototypeOf(agent);
    prototype !== null && prototype !== Object.prototype;
    prototype = prototypeOf(prototype)
  ) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const result = found.has(name) ? undefined : lookUp(agent, name);
      if (result?.status === "callable") found.set(name, result.metadata);
    }
  }
  return found;
}

const prototypeOf = (value: object): object | null => Object.getPrototypeOf(value) as object | null;

function registryOf(prototype: object): Registry | undefined {
  const constructor: object = prototype.constructor;
  if (!Object.hasOwn(constructor, metadataKey)) return undefined;
  const metadata = (constructor as Record<symbol, Record<symbol, Registry>>)[metadataKey];
  return metadata && Object.hasOwn(metadata, registryKey) ? metadata[registryKey] : undefined;
}
