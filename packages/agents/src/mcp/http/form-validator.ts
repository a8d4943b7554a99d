import type {
  JsonSchemaType,
  JsonSchemaValidator,
  jsonSchemaValidator
} from "@modelcontextprotocol/sdk/validation/types.js";

type Schema = Record<string, unknown>;
type Fields = Record<string, unknown>;

/**
 * Checks answers of users against the schemas that they were asked with: objects of texts, numbers, choices and lists of choices. The SDK's
 * own validator writes a program for each schema and has it compiled, which Workers do not allow.
 */
export const formValidator: jsonSchemaValidator = {
  getValidator<Value>(schema: JsonSchemaType): JsonSchemaValidator<Value> {
    return (input) => {
      const errorMessage = problemOf(input, schema as Schema, "data");
      if (errorMessage !== undefined) return { valid: false, data: undefined, errorMessage };
      // That it is one is what was checked.
      return { valid: true, data: input as Value, errorMessage: undefined };
    };
  }
};

type Check = (value: unknown, schema: Schema, path: string) => string | undefined;

// What a keyword says of a value of its kind. Keywords of other kinds say nothing, as in JSON Schema; unknown ones neither.
const checks: Readonly<Record<string, Check>> = {
  type: (value, { type }, path) => {
    const types = [type].flat();
    return types.some((one) => isType(value, one)) ? undefined : `${path} must be ${types.join(" or ")}`;
  },
  enum: (value, schema, path) =>
    list(schema.enum).includes(value) ? undefined : `${path} must be one of those that are offered`,
  const: (value, schema, path) =>
    value === schema.const ? undefined : `${path} must be ${JSON.stringify(schema.const)}`,
  anyOf: (value, { anyOf }, path) =>
    matching(value, anyOf) > 0 ? undefined : `${path} must be one of those that are offered`,
  oneOf: (value, { oneOf }, path) =>
    matching(value, oneOf) === 1 ? undefined : `${path} must be one of those that are offered`,
  required: (value, { required }, path) => {
    const missing = isFields(value) ? list(required).find((name) => !Object.hasOwn(value, String(name))) : undefined;
    return missing === undefined ? undefined : `${path} must have "${String(missing)}"`;
  },
  properties: (value, { properties }, path) => {
    if (!isFields(value) || !isFields(properties)) return undefined;
    return first(Object.entries(properties), ([name, schema]) =>
      Object.hasOwn(value, name) ? problemOf(value[name], schema, `${path}.${name}`) : undefined
    );
  },
  additionalProperties: (value, { additionalProperties, properties = {} }, path) => {
    if (additionalProperties !== false || !isFields(value)) return undefined;
    const extra = Object.keys(value).find((name) => !Object.hasOwn(properties as Fields, name));
    return extra === undefined ? undefined : `${path} must not have "${extra}"`;
  },
  items: (value, { items }, path) =>
    Array.isArray(value)
      ? first([...value.entries()], ([index, item]) => problemOf(item, items, `${path}[${index}]`))
      : undefined,
  minItems: (value, { minItems }, path) =>
    bound(lengthOf(value, Array.isArray), ">=", minItems, `${path} must have`, "items"),
  maxItems: (value, { maxItems }, path) =>
    bound(lengthOf(value, Array.isArray), "<=", maxItems, `${path} must have`, "items"),
  minLength: (value, { minLength }, path) =>
    bound(lengthOf(value, isText), ">=", minLength, `${path} must have`, "characters"),
  maxLength: (value, { maxLength }, path) =>
    bound(lengthOf(value, isText), "<=", maxLength, `${path} must have`, "characters"),
  minimum: (value, { minimum }, path) => bound(numberIn(value), ">=", minimum, `${path} must be`, ""),
  maximum: (value, { maximum }, path) => bound(numberIn(value), "<=", maximum, `${path} must be`, ""),
  pattern: (value, { pattern }, path) =>
    !isText(value) || new RegExp(String(pattern), "u").test(value)
      ? undefined
      : `${path} must match ${String(pattern)}`,
  format: (value, { format }, path) =>
    !isText(value) || (formats[String(format)]?.(value) ?? true)
      ? undefined
      : `${path} must be of the format ${String(format)}`
};

const formats: Readonly<Record<string, (text: string) => boolean>> = {
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  uri: (text) => URL.canParse(text),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  "date-time": (text) => /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text))
};

/** What is wrong with a value, or nothing. */
function problemOf(value: unknown, schema: unknown, path: string): string | undefined {
  if (!isFields(schema)) return undefined;
  return first(Object.keys(schema), (keyword) =>
    Object.hasOwn(checks, keyword) ? checks[keyword]!(value, schema, path) : undefined
  );
}

const matching = (value: unknown, schemas: unknown) =>
  list(schemas).filter((schema) => problemOf(value, schema, "") === undefined).length;

function first<Item>(items: readonly Item[], problem: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function bound(
  value: number | undefined,
  sign: "<=" | ">=",
  limit: unknown,
  what: string,
  unit: string
): string | undefined {
  if (value === undefined || typeof limit !== "number") return undefined;
  if (sign === "<=" ? value <= limit : value >= limit) return undefined;
  return `${what} ${sign} ${limit} ${unit}`.trimEnd();
}

function isType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "object":
      return isFields(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const isText = (value: unknown): value is string => typeof value === "string";
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const numberIn = (value: unknown) => (typeof value === "number" ? value : undefined);
const lengthOf = (value: unknown, is: (value: unknown) => boolean) =>
  is(value) ? [...(value as Iterable<unknown>)].length : undefined;
