import { defaultRetryOptions, type RetryOptions } from "../retry/retry-options";

/** What a class can say of all its instances, as `static options`. */
export interface AgentStaticOptions {
  /** Leave memory when nothing happens, connections stay open. Default true; `false` keeps an instance awake while one is. */
  hibernate?: boolean;
  /** Tell new connections the class and name of the instance. Default true; turn it off where names are secrets. */
  sendIdentityOnConnect?: boolean;
  /** A scheduled task that has run for longer is taken for dead, in seconds. Default 30. */
  hungScheduleTimeoutSeconds?: number;
  /** Hand a mail to `onEmail` once, however often mail servers deliver it: told by its Message-ID, for 7 days. Default false. */
  dropDuplicateEmails?: boolean;
  /** Whether `inspect()` tells what an instance is doing. Default false. */
  inspect?: boolean;
  /** For tasks and calls that do not say it themselves. Each field has a default of its own. */
  retry?: RetryOptions;
  /** How long a workflow that has ended stays in `getWorkflows`, in seconds; each status may say another time. For ever, if left out. */
  workflowRetentionSeconds?: number | { complete?: number; errored?: number; terminated?: number; unknown?: number };
}

/** The options of a class with nothing left open but what is for ever, or rare. */
export interface ResolvedOptions extends Required<
  Omit<AgentStaticOptions, "dropDuplicateEmails" | "workflowRetentionSeconds">
> {
  dropDuplicateEmails?: boolean;
  retry: Required<RetryOptions>;
  workflowRetentionSeconds?: AgentStaticOptions["workflowRetentionSeconds"];
}

export const DEFAULT_AGENT_STATIC_OPTIONS: Readonly<ResolvedOptions> = {
  hibernate: true,
  sendIdentityOnConnect: true,
  hungScheduleTimeoutSeconds: 30,
  inspect: false,
  retry: defaultRetryOptions
};

const resolved = new WeakMap<object, ResolvedOptions>();

/** The options of a class: its own, then those of its base classes, then the defaults; field by field, `retry` too. */
export function resolveOptions(constructor: object): ResolvedOptions {
  const known = resolved.get(constructor);
  if (known) return known;
  const base = Object.getPrototypeOf(constructor) as object | null;
  const inherited = typeof base === "function" ? resolveOptions(base) : DEFAULT_AGENT_STATIC_OPTIONS;
  const own = Object.hasOwn(constructor, "options")
    ? (constructor as { options?: AgentStaticOptions }).options
    : undefined;
  const { retry, ...rest } = own ?? {};
  const options = { ...inherited, ...stated(rest), retry: { ...inherited.retry, ...stated(retry ?? {}) } };
  resolved.set(constructor, options);
  return options;
}

/** Without what is there but undefined: it is not an option. */
function stated<Options extends object>(options: Options): Options {
  // The same fields, or fewer of those that may be missing.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}
