import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { createMcpHandler } from "agents/mcp";
import { z } from "zod";

const units = { celsius: (kelvin: number) => kelvin - 273.15, fahrenheit: (kelvin: number) => kelvin * 1.8 - 459.67 };

/** A server for each request: clients never meet in one. */
function createServer(): McpServer {
  const server = new McpServer({ name: "temperatures", version: "1.0.0" });

  server.registerTool(
    "convert",
    {
      description: "Converts a temperature in kelvin",
      inputSchema: { kelvin: z.number().min(0).describe("0 or more"), unit: z.enum(["celsius", "fahrenheit"]) }
    },
    async ({ kelvin, unit }) => ({ content: [{ type: "text", text: units[unit](kelvin).toFixed(2) }] })
  );

  server.registerResource(
    "unit",
    new ResourceTemplate("units://{unit}", { list: undefined }),
    { description: "How a unit is made of kelvins" },
    (uri, { unit }) => ({ contents: [{ uri: uri.href, text: String(units[unit as keyof typeof units] ?? "unknown") }] })
  );

  server.registerPrompt("explain", { argsSchema: { unit: z.string() } }, ({ unit }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Explain the unit ${unit} to a child.` } }]
  }));

  return server;
}

export default { fetch: createMcpHandler(createServer) };
