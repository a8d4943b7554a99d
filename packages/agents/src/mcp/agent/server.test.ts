import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { describe, expect, it } from "vitest";
import { remember } from "./server";

const nothing = () => ({ content: [] });

function registerAll(server: McpServer): void {
  server.registerTool("tool", {}, nothing);
  server.registerResource("resource", "test://resource", {}, () => ({ contents: [] }));
  server.registerResource("template", new ResourceTemplate("test://{id}", { list: undefined }), {}, () => ({
    contents: []
  }));
  server.registerPrompt("prompt", {}, () => ({ messages: [] }));
}

describe("what was registered since", () => {
  it.each<[how: string, wrap: (server: McpServer) => McpServer | Promise<McpServer>]>([
    ["at a server", (server) => server],
    ["at a promise of one", (server) => Promise.resolve(server)]
  ])("%s is taken away, and nothing else", async (_how, wrap) => {
    const server = new McpServer({ name: "test", version: "1.0.0" });
    const early = server.registerTool("early", {}, nothing);
    const source = wrap(server);
    const undo = remember(source);
    registerAll(await source);
    early.remove();
    expect(() => registerAll(server)).toThrow("already registered");
    undo();
    registerAll(server);
    expect(() => server.registerTool("early", {}, nothing)).toThrow("already registered");
  });

  it("is nothing where there was no server yet", () => expect(remember(undefined)).not.toThrow());

  it("at what a function makes is not touched", () => {
    const server = new McpServer({ name: "test", version: "1.0.0" });
    const undo = remember(() => server);
    registerAll(server);
    undo();
    expect(() => registerAll(server)).toThrow("already registered");
  });
});
