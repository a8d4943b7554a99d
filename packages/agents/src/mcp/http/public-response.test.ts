import type { JSONRPCResponse } from "@modelcontextprotocol/sdk/types.js";
import { expect, it } from "vitest";
import { logged } from "../../test/kit";
import { publicResponse } from "./public-response";

const query = "SQL query failed: no such table: secrets: SQLITE_ERROR";
const result = (text: string, isError = true): JSONRPCResponse => ({
  jsonrpc: "2.0",
  id: 1,
  result: {
    isError,
    content: [
      { type: "text", text },
      { type: "image", data: "AA==", mimeType: "image/png" }
    ]
  }
});
const error = (message: string): JSONRPCResponse => ({ jsonrpc: "2.0", id: 1, error: { code: -32603, message } });

it.each([result(query), error(query)])("keeps the text of a failed query to itself", async (response) => {
  let told = "";
  const lines = await logged(() => (told = JSON.stringify(publicResponse(response))));
  expect(told).toMatch(/Internal error \(reference [\da-f-]{36}\)/);
  expect(told).not.toContain("secrets");
  expect(String(lines[0]?.[1])).toContain("secrets");
});

it.each([result("broken"), error("broken"), result(query, false)])("leaves everything else as it is", (response) => {
  expect(publicResponse(response)).toEqual(response);
});
