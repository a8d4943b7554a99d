// Agents and our own MCP servers. Nothing is killed here: the runtime does not survive that with a server in the same process.
import { env } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { errorOf, evict } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { ElicitRequestSchema } from "../../mcp";
import { inside, internet, reborn, served, started, user } from "../../test/mcp-internet";
import { ask, textOf } from "../../test/mcp-kit";

const url = "https://tools.example/mcp";
const toolbox = () => internet({ "tools.example": served(Toolbox.serve("/mcp")) });

describe("over Streamable HTTP", () => {
  // proves mcp-client#resources-prompts
  it("makes everything of a server available", async () => {
    toolbox();
    const stub = user();
    const { id, state } = await stub.add("Tools", url);
    expect(state).toBe("ready");
    const servers = await inside(stub, (agent) => agent.getMcpServers());
    expect(servers.servers).toEqual({
      [id]: {
        name: "Tools",
        server_url: url,
        auth_url: null,
        state: "ready",
        error: null,
        instructions: "Use it.",
        capabilities: expect.objectContaining({ tools: { listChanged: true } })
      }
    });
    expect(servers.tools.map(({ name, serverId }) => [name, serverId])).toContainEqual(["add", id]);
    expect(servers.resources).toContainEqual(expect.objectContaining({ uri: "mcp://resource/counter", serverId: id }));
    expect(servers.prompts).toContainEqual(expect.objectContaining({ name: "greet", serverId: id }));
  });

  it("runs tools, reads resources, gets prompts, and keeps the server's state", async () => {
    toolbox();
    const stub = user();
    await stub.add("Tools", url, { id: "box" });
    await inside(stub, async (agent) => {
      const add = (a: number) => agent.mcp.callTool({ serverId: "box", name: "add", arguments: { a } });
      expect(textOf(await add(2))).toBe("2");
      expect(textOf(await add(3))).toBe("5");
      const { contents } = await agent.mcp.readResource({ serverId: "box", uri: "mcp://resource/counter" });
      expect(contents).toEqual([{ uri: "mcp://resource/counter", text: "5" }]);
      const { messages } = await agent.mcp.getPrompt({ serverId: "box", name: "greet", arguments: { name: "Ada" } });
      expect(messages).toEqual([{ role: "user", content: { type: "text", text: "Greet Ada" } }]);
      expect(await agent.mcp.mcpConnections.box!.client.callTool({ name: "echo", arguments: { text: "x" } })).toEqual({
        content: [{ type: "text", text: "x" }]
      });
    });
  });

  it("goes on with its session after a sleep, so that the server's state is there", async () => {
    const asked = toolbox();
    const stub = user();
    const add = () =>
      inside(stub, async (agent) =>
        textOf(await agent.mcp.callTool({ serverId: "box", name: "add", arguments: { a: 1 } }))
      );
    await stub.add("Tools", url, { id: "box" });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    expect(await add()).toBe("1");
    // Nobody uses the connection any more.
    await inside(stub, () => vi.advanceTimersByTimeAsync(30_000));
    vi.useRealTimers();
    await evict(stub);
    await started(stub);
    asked.length = 0;
    expect(await add()).toBe("2");
    expect(asked.filter((line) => line.startsWith("POST"))).toHaveLength(1);
    // It ends with the connection.
    await reborn(stub);
    expect(await add()).toBe("1");
  });

  // proves mcp-client#client
  it("answers what a server asks, by handlers that are set on the client", async () => {
    toolbox();
    const stub = user();
    await stub.add("Tools", url, { id: "box", client: { capabilities: { elicitation: {} } } });
    await inside(stub, async (agent) => {
      const { client } = agent.mcp.mcpConnections.box!;
      client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { value: "blue" } }));
      const result = await agent.mcp.callTool({ serverId: "box", name: "ask", arguments: { first: "Colour?" } });
      expect(textOf(result)).toBe("blue");
    });
  });
});

describe("over the transport of before 2025", () => {
  const sse = () => {
    const handler = Toolbox.serveSSE("/sse");
    return internet({ "old.example": (request) => ask(handler, request) });
  };

  // proves mcp-client#transports
  it.each(["sse", "auto"])("finds it with the transport %s", async (type) => {
    const asked = sse();
    const stub = user();
    await stub.add("Old", "https://old.example/sse", { id: "old", transport: { type } });
    await inside(stub, async (agent) => {
      const result = await agent.mcp.callTool({ serverId: "old", name: "echo", arguments: { text: "old" } });
      expect(textOf(result)).toBe("old");
      await agent.mcp.closeAllConnections();
    });
    expect(asked[0]).toBe(type === "sse" ? "GET old.example/sse" : "POST old.example/sse");
  });
});

describe("by Durable Object RPC", () => {
  // proves mcp-client#rpc-internal, mcp-client#props, mcp-transport#addMcpServer, mcp-transport#rpc-deduplicated
  // proves agent-class-internals#addMcpServer-rpc
  it("uses a server of the same Worker, with props, and is the same for the same name", async () => {
    const asked = internet({});
    const stub = user();
    await inside(stub, async (agent) => {
      const options = { id: "box", props: { userId: "u1" } };
      const first = await agent.addMcpServer("toolbox", env.Toolbox, options);
      expect(first).toEqual({ id: "box", state: "ready" });
      expect(await agent.addMcpServer("toolbox", env.Toolbox, options)).toEqual(first);
      const result = await agent.mcp.callTool({ serverId: "box", name: "whoami" });
      expect(textOf(result)).toMatch(/^u1 in rpc:/);
    });
    expect(asked).toEqual([]);
  });

  it("gives each agent a server of its own", async () => {
    const count = async () => {
      const stub = user();
      return inside(stub, async (agent) => {
        await agent.addMcpServer("toolbox", env.Toolbox, { id: "box" });
        return textOf(await agent.mcp.callTool({ serverId: "box", name: "add", arguments: { a: 1 } }));
      });
    };
    expect([await count(), await count()]).toEqual(["1", "1"]);
  });

  // proves mcp-transport#rpc-restored
  it("is there after a wake, with its props and its state", async () => {
    const stub = user();
    await inside(stub, async (agent) => {
      await agent.addMcpServer("toolbox", env.Toolbox, { id: "box", props: { userId: "u2" } });
      await agent.mcp.callTool({ serverId: "box", name: "add", arguments: { a: 1 } });
    });
    await reborn(stub);
    await inside(stub, async (agent) => {
      expect(agent.getMcpServers().servers.box).toMatchObject({
        state: "ready",
        server_url: expect.stringMatching(/^rpc:/)
      });
      expect(textOf(await agent.mcp.callTool({ serverId: "box", name: "whoami" }))).toMatch(/^u2 in/);
      expect(textOf(await agent.mcp.callTool({ serverId: "box", name: "add", arguments: { a: 1 } }))).toBe("2");
    });
  });

  it("needs a binding that is found again", async () => {
    await inside(user(), async (agent) => {
      const error = await errorOf(() => agent.addMcpServer("toolbox", { idFromName() {} } as never));
      expect(error.code).toBe("MCP_BINDING_UNKNOWN");
    });
  });
});
