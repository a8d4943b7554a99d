// What the MCP SDK uses of zod. In the module that is made of the SDK, this file stands in for it (bundle-libraries.ts): an agent that connects to
// a server needs 20 kinds of schemas and their messages, and each Worker would read 43 kB of zod for them before its first request.
// Each answer is held to what zod says of the same value (sdk-zod.node.test.ts).

export interface Issue {
  code: string;
  path: PropertyKey[];
  message: string;
  /** What one of a union was not, for each of them. */
  errors?: Issue[][];
  /** Keys of an object that has no others. */
  keys?: string[];
}

/** An issue, and whether what is checked after it may be asked too. */
interface Found extends Issue {
  goesOn?: boolean;
}

/** Gives what a schema makes of a value. What is wrong with it is added to the issues. */
type Read = (value: unknown, issues: Found[]) => unknown;

interface Traits {
  shape?: Record<string, Schema>;
  /** What a literal may be. */
  values?: readonly unknown[];
  rest?: Schema | undefined;
  /** An object may lack it. */
  mayLack?: boolean | undefined;
}

export const NEVER = undefined;

export const ZodIssueCode = { custom: "custom" };

class ZodError extends Error {
  override readonly name = "ZodError";
  readonly issues: Issue[];

  constructor(issues: Issue[]) {
    super(JSON.stringify(issues, null, 2));
    this.issues = issues;
  }

  /** As zod's has it: it is put into texts that people read. */
  override toString(): string {
    return this.message;
  }
}

class Schema {
  readonly read: Read;
  readonly traits: Traits;
  /** Where the SDK looks for it, in schemas of programs too. */
  readonly _zod: { def: Traits };

  constructor(read: Read, traits: Traits = {}) {
    this.read = read;
    this.traits = traits;
    this._zod = { def: traits };
  }

  get shape(): Record<string, Schema> {
    return this.traits.shape!;
  }

  parse(value: unknown): unknown {
    const { success, data, error } = this.safeParse(value);
    if (!success) throw error;
    return data;
  }

  safeParse(value: unknown): { success: boolean; data?: unknown; error?: ZodError } {
    const issues: Found[] = [];
    const data = this.read(value, issues);
    return issues.length === 0 ? { success: true, data } : { success: false, error: new ZodError(final(issues)) };
  }

  // --- what may be missing ---

  optional(): Schema {
    const read: Read = (value, issues) => (value === undefined ? undefined : this.read(value, issues));
    return new Schema(read, { mayLack: true });
  }

  default(instead: unknown): Schema {
    const read: Read = (value, issues) => {
      if (value !== undefined) return this.read(value, issues);
      // Who gets it may add to it.
      return Array.isArray(instead) ? [...instead] : instead;
    };
    return new Schema(read, { mayLack: true });
  }

  catch(instead: unknown): Schema {
    const read: Read = (value) => {
      const own: Found[] = [];
      const data = this.read(value, own);
      return own.length === 0 ? data : instead;
    };
    return new Schema(read, { mayLack: true });
  }

  // --- one of several, and what is made of a value ---

  or(other: Schema): Schema {
    return union([this, other]);
  }

  transform(change: (value: unknown) => unknown): Schema {
    return pipe(this, changed(change));
  }

  describe(): this {
    return this;
  }

  // --- checks ---

  refine(isValid: (value: unknown) => unknown, words?: string | { message: string }): Schema {
    const message = typeof words === "string" ? words : (words?.message ?? "Invalid input");
    return this.check((value, add) => {
      if (!isValid(value)) add("custom", message);
    });
  }

  superRefine(refine: (value: unknown, context: { addIssue(issue: AddedIssue): void }) => void): Schema {
    return this.check((value, add) => {
      refine(value, { addIssue: ({ message, fatal }) => add("custom", message, !fatal) });
    });
  }

  int(): Schema {
    return this.check((value: number, add) => {
      const limit = Number.MAX_SAFE_INTEGER;
      if (!Number.isInteger(value)) add("invalid_type", wrongType("int", value), false);
      else if (value > limit) add("too_big", `Too big: expected int to be <=${limit}`);
      else if (value < -limit) add("too_small", `Too small: expected int to be >=-${limit}`);
    });
  }

  min(least: number): Schema {
    return this.check((value: number, add) => {
      if (value < least) add("too_small", `Too small: expected number to be >=${least}`);
    });
  }

  max(most: number): Schema {
    const ofNumbers = this.check((value: number, add) => {
      if (value > most) add("too_big", `Too big: expected number to be <=${most}`);
    });
    const read: Read = (value, issues) => {
      if (!Array.isArray(value) || value.length <= most) return ofNumbers.read(value, issues);
      // It is not looked into.
      issues.push({ code: "too_big", path: [], message: `Too big: expected array to have <=${most} items` });
      return value;
    };
    return new Schema(read, this.traits);
  }

  nonnegative(): Schema {
    return this.min(0);
  }

  startsWith(prefix: string): Schema {
    return this.check((value: string, add) => {
      if (!value.startsWith(prefix)) add("invalid_format", `Invalid string: must start with "${prefix}"`);
    });
  }

  url(): Schema {
    return this.check((value: string, add) => {
      const trimmed = value.trim();
      // Without what the parser of addresses passes over.
      if (URL.canParse(trimmed)) return trimmed.replace(/[\t\n\r]/g, "");
      add("invalid_format", "Invalid URL");
    });
  }

  /** What is wrong already is not checked. */
  check(check: Check): Schema {
    const read: Read = (value, issues) => {
      const from = issues.length;
      const data = this.read(value, issues);
      if (isStopped(issues, from)) return data;
      const made = check(data as never, (code, message, goesOn = true) =>
        issues.push({ code, path: [], message, goesOn })
      );
      return made ?? data;
    };
    return new Schema(read, this.traits);
  }

  // --- objects ---

  extend(more: Record<string, Schema>): Schema {
    return object({ ...this.shape, ...more }, this.traits.rest);
  }

  merge(other: Schema): Schema {
    return object({ ...this.shape, ...other.shape }, other.traits.rest);
  }

  pick(mask: Record<string, true>): Schema {
    return this.#ofKeys((key) => key in mask);
  }

  omit(mask: Record<string, true>): Schema {
    return this.#ofKeys((key) => !(key in mask));
  }

  #ofKeys(isWanted: (key: string) => boolean): Schema {
    return object(Object.fromEntries(Object.entries(this.shape).filter(([key]) => isWanted(key))), this.traits.rest);
  }

  /** What is made of the members that it does not name. Without it, they are left out. */
  catchall(rest: Schema | undefined): Schema {
    return object(this.shape, rest);
  }

  loose(): Schema {
    return this.catchall(unknown());
  }

  strict(): Schema {
    return this.catchall(nobody);
  }

  strip(): Schema {
    return this.catchall(undefined);
  }
}

/** Adds what is wrong with a value, or gives what it becomes. */
type Check = (value: never, add: (code: string, message: string, goesOn?: boolean) => void) => unknown;

interface AddedIssue {
  message: string;
  /** Nothing else is checked. */
  fatal?: boolean;
}

/** Asks the schema of a member; what is wrong with it is wrong there. */
function readAt(key: PropertyKey, { read }: Schema, value: unknown, issues: Found[]): unknown {
  const from = issues.length;
  const data = read(value, issues);
  for (const issue of issues.slice(from)) issue.path.unshift(key);
  return data;
}

const isStopped = (issues: Found[], from = 0): boolean => issues.slice(from).some(({ goesOn }) => !goesOn);

const final = (issues: Found[]): Issue[] => issues.map(({ goesOn: _, ...issue }) => issue);

// --- values without parts ---

const typed = (expected: string, isOne: (value: unknown) => boolean): Schema =>
  new Schema((value, issues) => (isOne(value) ? value : refuse(expected, value, issues)));

function refuse(expected: string, value: unknown, issues: Found[]): unknown {
  issues.push({ code: "invalid_type", path: [], message: wrongType(expected, value) });
  return value;
}

const wrongType = (expected: string, value: unknown): string =>
  `Invalid input: expected ${expected}, received ${nameOfType(value)}`;

function nameOfType(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value !== "object" || isPlain(value)) return typeof value;
  return Array.isArray(value) ? "array" : String(value.constructor?.name);
}

export const any = (): Schema => new Schema((value) => value);

export const unknown = any;

export const string = (): Schema => typed("string", (value) => typeof value === "string");

export const number = (): Schema => typed("number", Number.isFinite);

export const boolean = (): Schema => typed("boolean", (value) => typeof value === "boolean");

const nothing = (): Schema => typed("null", (value) => value === null);

export const url = (): Schema => string().url();

/** With seconds, and a distance to UTC. */
const dateTime =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?<day>\d\d)T(?:[01]\d|2[0-3])(?::[0-5]\d){2}(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

export const iso = {
  datetime: (): Schema =>
    string().check((value: string, add) => {
      const day = dateTime.exec(value)?.groups?.day;
      // Some days are not in each month.
      const isDate = day !== undefined && new Date(value.slice(0, 10)).getUTCDate() === Number(day);
      if (!isDate) add("invalid_format", "Invalid ISO datetime");
    })
};

export const coerce = { number: (): Schema => new Schema((value, issues) => number().read(Number(value), issues)) };

export const custom = (isOne: (value: unknown) => unknown): Schema =>
  any().check((value, add) => {
    if (!isOne(value)) add("custom", "Invalid input", false);
  });

export const literal = (value: unknown): Schema => oneOf([value]);

function oneOf(values: readonly unknown[]): Schema {
  const names = values.map((value) => (typeof value === "string" ? `"${value}"` : String(value))).join("|");
  const message = values.length === 1 ? `Invalid input: expected ${names}` : `Invalid option: expected one of ${names}`;
  const read: Read = (value, issues) => {
    if (!values.includes(value)) issues.push({ code: "invalid_value", path: [], message });
    return value;
  };
  return new Schema(read, { values });
}

// --- values of parts ---

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Not made by a class: of those that may come without being written as JSON, a `Map` would be nothing but `{}`. */
function isPlain(value: unknown): value is Members {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.hasOwn(prototype as object, "isPrototypeOf");
}

type Members = Record<PropertyKey, unknown>;

export const optional = (schema: Schema): Schema => schema.optional();

export const array = (element: Schema): Schema =>
  new Schema((value, issues) =>
    Array.isArray(value)
      ? Array.from(value, (item, index) => readAt(index, element, item, issues))
      : refuse("array", value, issues)
  );

/** The keys are strings: the SDK has no other ones. */
export const record = (_key: Schema, member: Schema): Schema =>
  new Schema((value, issues) => {
    if (!isPlain(value)) return refuse("record", value, issues);
    const data: Members = {};
    for (const key of Object.keys(value)) {
      if (key !== "__proto__") data[key] = readAt(key, member, value[key], issues);
    }
    return data;
  });

/** @param rest what the members without a name must be; without it, they are left out */
export function object(shape: Record<string, Schema>, rest?: Schema): Schema {
  const read: Read = (value, issues) => {
    if (!isObject(value)) return refuse("object", value, issues);
    const data: Members = {};
    for (const [key, schema] of Object.entries(shape)) readMember(key, schema, value, data, issues);
    const others = rest ? Object.keys(value).filter((key) => !Object.hasOwn(shape, key)) : [];
    if (rest !== nobody) {
      for (const key of others) if (key !== "__proto__") readMember(key, rest!, value, data, issues);
    } else if (others.length > 0) {
      const keys = others.map((key) => `"${key}"`).join(", ");
      const message = `Unrecognized key${others.length > 1 ? "s" : ""}: ${keys}`;
      issues.push({ code: "unrecognized_keys", keys: others, path: [], message, goesOn: true });
    }
    return data;
  };
  return new Schema(read, { shape, rest });
}

export const looseObject = (shape: Record<string, Schema>): Schema => object(shape, unknown());

/** What the members without a name must be where there are to be none. */
const nobody = any();

function readMember(key: string, schema: Schema, value: Members, data: Members, issues: Found[]): void {
  const from = issues.length;
  const member = readAt(key, schema, value[key], issues);
  if (member !== undefined || key in value) data[key] = member;
  if (key in value || schema.traits.mayLack || issues.length > from) return;
  issues.push({ code: "invalid_type", path: [key], message: wrongType("nonoptional", undefined) });
}

// --- one of several ---

export function union(options: Schema[]): Schema {
  const read: Read = (value, issues) => {
    const results = [];
    for (const option of options) {
      const own: Found[] = [];
      const data = option.read(value, own);
      if (own.length === 0) return data;
      results.push({ data, own });
    }
    // What has the right type, and only fails a check, is the one that is meant.
    const [meant, ...others] = results.filter(({ own }) => !isStopped(own));
    if (meant && others.length === 0) {
      issues.push(...meant.own);
      return meant.data;
    }
    const errors = results.map(({ own }) => final(own));
    issues.push({ code: "invalid_union", path: [], message: "Invalid input", errors });
    return value;
  };
  return new Schema(read, { mayLack: options.some(({ traits }) => traits.mayLack) });
}

/** @param key the member that says which of the objects it is */
export function discriminatedUnion(key: string, options: Schema[]): Schema {
  const known = new Map(options.flatMap((option) => option.shape[key]!.traits.values!.map((value) => [value, option])));
  const names = [...known.keys()].map((value) => `'${String(value)}'`).join(" | ");
  return new Schema((value, issues) => {
    if (!isObject(value)) return refuse("object", value, issues);
    const option = known.get(value[key]);
    if (option) return option.read(value, issues);
    const message = `Invalid discriminator value. Expected ${names}`;
    issues.push({ code: "invalid_union", path: [key], message, errors: [] });
    return value;
  });
}

export const intersection = (left: Schema, right: Schema): Schema =>
  new Schema((value, issues) => merged(left.read(value, issues), right.read(value, issues)));

/** What two schemas made of one value, each with members of its own. */
function merged(left: unknown, right: unknown): unknown {
  if (left === right || !isPlain(left) || !isPlain(right)) return left;
  const data: Members = { ...left, ...right };
  delete data.__proto__;
  for (const key of Object.keys(data)) {
    if (Object.hasOwn(left, key) && Object.hasOwn(right, key)) data[key] = merged(left[key], right[key]);
  }
  return data;
}

// --- what is made of a value ---

function pipe(first: Schema, then: Schema): Schema {
  const read: Read = (value, issues) => {
    const from = issues.length;
    const data = first.read(value, issues);
    return issues.length > from ? data : then.read(data, issues);
  };
  return new Schema(read, { mayLack: first.traits.mayLack });
}

const changed = (change: (value: unknown) => unknown): Schema =>
  new Schema((value) => change(value), { mayLack: true });

export const preprocess = (change: (value: unknown) => unknown, schema: Schema): Schema =>
  pipe(changed(change), schema);

// --- schemas of programs, which have a zod of their own ---

/** All releases of zod, whole or mini, have a method for it. Schemas of `zod/v4/core` have none. */
export function safeParse(schema: ForeignSchema, value: unknown): ReturnType<Schema["safeParse"]> {
  if (schema.safeParse) return schema.safeParse(value);
  const { value: data, issues } = schema._zod.run({ value, issues: [] }, { async: false });
  if (issues.length === 0) return { success: true, data };
  const stated = issues.map(({ code, path = [], message = "Invalid input" }) => ({ code, path, message }));
  return { success: false, error: new ZodError(stated) };
}

interface ForeignSchema {
  safeParse?(value: unknown): ReturnType<Schema["safeParse"]>;
  _zod: { run(payload: Payload, context: { async: false }): Payload };
}

interface Payload {
  value: unknown;
  issues: (Pick<Issue, "code"> & Partial<Issue>)[];
}

export { nothing as null, oneOf as enum };

// Named by parts of the SDK that no agent runs.
export const safeParseAsync = undefined;
export const toJSONSchema = undefined;
