import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { describe, expect, it } from "vitest";
import { formValidator } from "./form-validator";
import { setFormValidator } from "./set-form-validator";

const problem = (properties: object, value: unknown, more: object = {}) =>
  formValidator.getValidator({ type: "object", properties, ...more } as never)(value).errorMessage;

describe("answers to forms", () => {
  it.each<[name: string, schema: object, good: unknown[], bad: unknown[]]>([
    ["a text", { type: "string", minLength: 2, maxLength: 3 }, ["ab", "a€c"], ["a", "abcd", 1, null]],
    ["an address", { type: "string", format: "email" }, ["a@b.example"], ["a", "a b@c"]],
    ["a link", { type: "string", format: "uri" }, ["https://a.example"], ["a"]],
    ["a day", { type: "string", format: "date" }, ["2026-01-31"], ["2026-13-01", "tomorrow"]],
    ["a time", { type: "string", format: "date-time" }, ["2026-01-31T10:00:00Z"], ["2026-01-31"]],
    ["a format that nobody knows", { type: "string", format: "tea" }, ["x"], [1]],
    ["a pattern", { type: "string", pattern: "^[a-c]+$" }, ["abc"], ["abd"]],
    ["a number", { type: "number", minimum: 1, maximum: 2 }, [1, 1.5, 2], [0.5, 3, "1"]],
    ["an integer", { type: "integer" }, [1, -3], [1.5, "1"]],
    ["a choice", { type: "string", enum: ["a", "b"] }, ["a"], ["c"]],
    ["a titled choice", { type: "string", oneOf: [{ const: "a", title: "A" }, { const: "b" }] }, ["b"], ["c"]],
    [
      "several",
      { type: "array", items: { type: "string", enum: ["a", "b"] }, minItems: 1, maxItems: 2 },
      [["a"]],
      [[], ["c"], ["a", "a", "a"], "a"]
    ],
    ["several titled", { type: "array", items: { anyOf: [{ const: "a" }, { const: "b" }] } }, [["a", "b"]], [["c"]]],
    ["yes or no", { type: "boolean" }, [true, false], ["true", 1]]
  ])("%s", (_name, schema, good, bad) => {
    for (const value of good) expect(problem({ field: schema }, { field: value })).toBeUndefined();
    for (const value of bad) expect(problem({ field: schema }, { field: value })).toMatch(/^data\.field/);
  });

  it("are objects, with what is required and nothing that is forbidden", () => {
    expect(problem({}, [])).toBe("data must be object");
    expect(problem({ a: {} }, {}, { required: ["a"] })).toBe('data must have "a"');
    expect(problem({ a: {} }, { b: 1 })).toBeUndefined();
    expect(problem({ a: {} }, { b: 1 }, { additionalProperties: false })).toBe('data must not have "b"');
    expect(problem({ constructor: { type: "string" } }, {})).toBeUndefined();
  });

  it("come back as they are", () => {
    const value = { a: 1 };
    expect(formValidator.getValidator({ type: "object" })(value)).toEqual({ valid: true, data: value });
  });
});

it("is that of servers that have not chosen one", () => {
  const validatorOf = (server: McpServer) =>
    (server.server as unknown as { _jsonSchemaValidator: unknown })._jsonSchemaValidator;
  const [plain, own] = [{ getValidator: () => () => ({ valid: true }) as never }, undefined].map(
    (jsonSchemaValidator) => new McpServer({ name: "s", version: "1" }, jsonSchemaValidator && { jsonSchemaValidator })
  );
  setFormValidator(plain!);
  setFormValidator(own!);
  expect([validatorOf(plain!) === formValidator, validatorOf(own!) === formValidator]).toEqual([false, true]);
});
