/** What a class can say of all its instances, as `static options`. */
export interface AgentStaticOptions {
  /** Let the runtime evict an idle instance while its connections stay open. Default true. */
  hibernate?: boolean;
  /** Tell new connections the class and name of the instance. Default true; turn it off where names are secrets. */
  sendIdentityOnConnect?: boolean;
}

export const DEFAULT_AGENT_STATIC_OPTIONS: Readonly<Required<AgentStaticOptions>> = {
  hibernate: true,
  sendIdentityOnConnect: true
};

const resolved = new WeakMap<object, Required<AgentStaticOptions>>();

/** The options of a class: its own, then those of its base classes, then the defaults. */
export function resolveOptions(constructor: object): Required<AgentStaticOptions> {
  const known = resolved.get(constructor);
  if (known) return known;
  const base = Object.getPrototypeOf(constructor) as object | null;
  const inherited = typeof base === "function" ? resolveOptions(base) : DEFAULT_AGENT_STATIC_OPTIONS;
  const own = Object.hasOwn(constructor, "options")
    ? (constructor as { options?: AgentStaticOptions }).options
    : undefined;
  const options = { ...inherited, ...own };
  resolved.set(constructor, options);
  return options;
}
