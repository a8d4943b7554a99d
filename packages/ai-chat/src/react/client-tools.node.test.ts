import { expect, it, vi } from "vitest";
import { createToolsFromClientSchemas } from "../tools/client-schemas";
import { detectToolsRequiringConfirmation, extractClientToolSchemas, type AITool } from "./client-tools";

const parameters = { type: "object", properties: { city: { type: "string" } } };
const tools: Record<string, AITool> = {
  getLocation: { description: "Where the user is", parameters, execute: () => "Lisbon" },
  getTime: { inputSchema: parameters, execute: async () => "noon" },
  pay: { description: "Asks first", parameters }
};
const calls = {
  "extractClientToolSchemas()": () => extractClientToolSchemas(tools),
  "detectToolsRequiringConfirmation()": () => detectToolsRequiringConfirmation(tools),
  "createToolsFromClientSchemas()": () => createToolsFromClientSchemas([])
};

// proves chat-agents#deprecated-warning
it.each(Object.entries(calls))("%s says once that it is deprecated", (name, call) => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  call();
  call();
  const lines = warn.mock.calls.map(([line]) => String(line));
  warn.mockRestore();
  expect(lines).toEqual([expect.stringContaining(`${name} is deprecated: `)]);
});

// proves chat-agents#deprecated-extractClientToolSchemas
it("the tools that a client runs are those with execute", () => {
  expect(extractClientToolSchemas(tools)).toEqual([
    { name: "getLocation", description: "Where the user is", parameters },
    { name: "getTime", parameters }
  ]);
  expect(extractClientToolSchemas({ pay: tools.pay! })).toBe(undefined);
  expect(extractClientToolSchemas()).toBe(undefined);
});

// proves chat-agents#deprecated-detectToolsRequiringConfirmation
it("the tools that wait for a person are those without", () => {
  expect(detectToolsRequiringConfirmation(tools)).toEqual(["pay"]);
  expect(detectToolsRequiringConfirmation()).toEqual([]);
});

// proves chat-agents#deprecated-createToolsFromClientSchemas
it("a model gets the announced tools, with nothing to execute", async () => {
  const made = createToolsFromClientSchemas([...extractClientToolSchemas(tools)!, { name: "bare" }]);
  expect(Object.keys(made)).toEqual(["getLocation", "getTime", "bare"]);
  expect(made.getLocation).toMatchObject({ description: "Where the user is" });
  expect(made.getLocation!.execute).toBe(undefined);
  const schemaOf = (name: string) => (made[name]!.inputSchema as { jsonSchema: unknown }).jsonSchema;
  expect([schemaOf("getLocation"), schemaOf("bare")]).toEqual([parameters, { type: "object" }]);
  expect(createToolsFromClientSchemas()).toEqual({});
});
