import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, costOf, errorOf, evict } from "../../test/kit";
import { eventsOf, inside, internet, reborn, scripted, tool, user } from "../../test/mcp-internet";
import { textOf } from "../../test/mcp-kit";

const url = "https://tools.example/mcp";
const toolbox = () => internet({ "tools.example": echo });

const echo = scripted({
  "tools/list": () => ({ tools: [tool("echo")] }),
  "tools/call": ({ arguments: input }) => ({ content: [{ type: "text", text: (input as { text: string }).text }] })
});

describe("addMcpServer", () => {
  // proves mcp-client#idempotent, mcp-client#normalized
  it("is the same server for the same name and URL, however it is written", async () => {
    toolbox();
    const stub = user();
    const [first, again] = await Promise.all([
      stub.add("Tools", url),
      stub.add("Tools", "https://TOOLS.example:443/mcp/")
    ]);
    expect(again).toEqual(first);
    expect(await stub.add("Tools", url)).toEqual(first);
    const other = await stub.add("Others", url);
    expect(other.id).not.toBe(first.id);
    expect(await inside(stub, (agent) => Object.keys(agent.getMcpServers().servers))).toEqual([first.id, other.id]);
  });

  // proves mcp-client#addMcpServer, mcp-client#state, agents-api#addMcpServer
  it("takes an id from the program, after which tools are named", async () => {
    toolbox();
    const stub = user();
    expect(await stub.add("Tools", url, { id: "box" })).toEqual({ id: "box", state: "ready" });
    await inside(stub, async (agent) => {
      const { tool_box_echo: echo } = agent.mcp.getAITools();
      expect(textOf(await echo!.execute({ text: "hello" }))).toBe("hello");
      expect(agent.mcp.resolveAITool("tool_box_echo")).toEqual({ serverId: "box", name: "echo" });
      const error = await errorOf(() => agent.addMcpServer("Others", url, { id: "box" }));
      expect(error.code).toBe("MCP_SERVER_INVALID");
    });
  });

  // proves mcp-client#headers
  it("sends the program's headers, and tries again while the server has troubles", async () => {
    let failures = 2;
    const seen: (string | null)[] = [];
    const server = scripted({ "tools/list": () => ({ tools: [] }) });
    internet({
      "tools.example": (request) => {
        seen.push(request.headers.get("Authorization"));
        return failures-- > 0 ? new Response("later", { status: 503 }) : server(request);
      }
    });
    const options = { transport: { headers: { Authorization: "Bearer x" } }, retry: { baseDelayMs: 1, maxDelayMs: 1 } };
    expect((await user().add("Tools", url, options)).state).toBe("ready");
    expect(new Set(seen)).toEqual(new Set(["Bearer x"]));
  });

  // proves guide-oauth-mcp-client#removed-only
  it("keeps a server that cannot be used as failed, with the reason", async () => {
    internet({});
    const stub = user();
    const retry = { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 };
    const error = await inside(stub, (agent) => errorOf(() => agent.addMcpServer("Gone", url, { id: "gone", retry })));
    expect([error.code, error.message]).toEqual([
      "MCP_CONNECTION_FAILED",
      'Failed to connect to "Gone": Network connection lost.'
    ]);
    const servers = await inside(stub, (agent) => agent.getMcpServers().servers);
    expect(servers.gone).toMatchObject({ state: "failed", error: "Network connection lost." });
    expect(eventsOf(stub).map(({ type }) => type)).toEqual(["mcp:client:preconnect", "mcp:client:connect"]);
  });

  it("says why as text to its caller, and escaped to pages", async () => {
    internet({ "tools.example": () => new Response("I don't <know> you", { status: 403 }) });
    const stub = user();
    const error = await inside(stub, (agent) => errorOf(() => agent.addMcpServer("Rude", url, { id: "rude" })));
    expect(error.message).toContain("I don't <know> you");
    const servers = await inside(stub, (agent) => agent.getMcpServers().servers);
    expect(servers.rude?.error).toContain("I don&#39;t &#60;know&#62; you");
  });

  // proves mcp-client#url-security
  it("refuses an address that is not public before anything is stored", async () => {
    const asked = internet({});
    const stub = user();
    await inside(stub, async (agent) => {
      const error = await errorOf(() => agent.addMcpServer("Metadata", "http://169.254.169.254/latest"));
      expect(error.code).toBe("MCP_URL_BLOCKED");
      expect(agent.getMcpServers().servers).toEqual({});
      expect((await errorOf(() => agent.mcp.connect("http://[::1]/mcp"))).code).toBe("MCP_URL_BLOCKED");
    });
    expect(asked).toEqual([]);
  });

  it("says which options cannot be stored, before anything is", async () => {
    const asked = toolbox();
    await inside(user(), async (agent) => {
      const loop: Record<string, unknown> = { name: "box" };
      loop.self = loop;
      const client = { capabilities: { experimental: { loop } } } as never;
      for (const add of [
        () => agent.addMcpServer("Tools", url, { client }),
        () => agent.mcp.registerServer("tools", { name: "Tools", url, client }),
        () => agent.addMcpServer("box", env.Toolbox, { props: loop }),
        () => agent.addMcpServer("box", env.Toolbox, { props: { userId: 1n } })
      ]) {
        const { code, message } = await errorOf(add);
        expect([code, message]).toEqual(["MCP_SERVER_INVALID", expect.stringMatching(/circular structure|BigInt/)]);
      }
      expect(agent.getMcpServers().servers).toEqual({});
    });
    expect(asked).toEqual([]);
  });

  it("keeps a validator for this life, and the data of the options for the next one", async () => {
    toolbox();
    const stub = user();
    class Validator {
      readonly self = this;
      getValidator = () => (input: unknown) => ({ valid: true, data: input, errorMessage: undefined });
    }
    await inside(stub, (agent) => {
      const client = { capabilities: { roots: { listChanged: true } }, jsonSchemaValidator: new Validator() as never };
      return agent.addMcpServer("Tools", url, { client });
    });
    await runInDurableObject(stub, (_, { storage }) => {
      const [row] = storage.sql.exec("SELECT server_options FROM cf_agents_mcp_servers");
      expect(JSON.parse(row!.server_options as string)).toEqual({
        client: { capabilities: { roots: { listChanged: true } } }
      });
    });
  });

  it("does not follow a redirect to an address that is not public, or to another host", async () => {
    const asked = internet({
      "tools.example": () => Response.redirect("http://169.254.169.254/", 307),
      "other.example": scripted({})
    });
    const stub = user();
    const error = await inside(stub, (agent) => errorOf(() => agent.addMcpServer("Tools", url)));
    expect(error.code).toBe("MCP_CONNECTION_FAILED");
    expect(asked.every((line) => line.includes("tools.example"))).toBe(true);
  });
});

describe("after a wake", () => {
  // proves mcp-client#restored
  it("tools are there at once, without the server, and a call connects", async () => {
    const asked = internet({ "still.example": echo });
    const first = user();
    await first.add("Still", "https://still.example/mcp", { id: "still" });
    const stub = await reborn(first);
    asked.length = 0;
    await inside(stub, async (agent) => {
      await agent.mcp.waitForConnections({ timeout: 10_000 });
      expect(Object.keys(agent.mcp.getAITools())).toEqual(["tool_still_echo"]);
      expect(agent.getMcpServers().servers.still?.state).toBe("ready");
      expect(asked).toEqual([]);
      const result = await agent.mcp.callTool({ serverId: "still", name: "echo", arguments: { text: "hi" } });
      expect(textOf(result)).toBe("hi");
    });
    expect(asked.length).toBeGreaterThan(0);
  });

  // proves mcp-client#waitForConnections, mcp-client#waitForConnections-timeout, chat-agents#waitForConnections
  it("a server that was not there yet is connected, without anybody asking or waiting", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    const tools = { tools: [tool("a")] };
    const asked = internet({ "slow.example": scripted({ "tools/list": () => opened.then(() => tools) }) });
    const first = user();
    // What is stored before anything is asked.
    await inside(first, (agent) =>
      agent.mcp.registerServer("slow", { name: "Slow", url: "https://slow.example/mcp", transport: { type: "auto" } })
    );
    expect(asked).toEqual([]);
    const stub = await reborn(first);
    await inside(stub, async (agent) => {
      // It has started.
      expect(agent.getMcpServers().servers.slow?.state).not.toBe("ready");
      await agent.mcp.waitForConnections({ timeout: 1 });
      expect(agent.mcp.listTools()).toEqual([]);
      open();
      await agent.mcp.waitForConnections();
      expect(agent.getMcpServers().servers.slow?.state).toBe("ready");
      expect(agent.mcp.listTools().map(({ name }) => name)).toEqual(["a"]);
    });
  });

  it("servers that an older release has stored are connected, by HTTP and by RPC", async () => {
    const seen: (string | null)[] = [];
    internet({
      "still.example": (request) => {
        seen.push(request.headers.get("X-Key"));
        return echo(request);
      }
    });
    const stub = user();
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec(
        `CREATE TABLE cf_agents_mcp_servers (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, server_url TEXT NOT NULL,
        callback_url TEXT NOT NULL, client_id TEXT, auth_url TEXT, server_options TEXT)`
      );
      const insert = "INSERT INTO cf_agents_mcp_servers VALUES (?, ?, ?, ?, NULL, NULL, ?)";
      const http = { client: {}, transport: { type: "auto", headers: { "X-Key": "k" } } };
      storage.sql.exec(insert, "V1_-x", "Still", "https://still.example/mcp", "", JSON.stringify(http));
      const rpc = { bindingName: "Toolbox", props: { userId: "old" } };
      storage.sql.exec(insert, "rpc1", "box", "rpc:old-box", "", JSON.stringify(rpc));
    });
    await reborn(stub);
    await inside(stub, async (agent) => {
      await agent.mcp.waitForConnections();
      const states = Object.values(agent.getMcpServers().servers).map(({ name, state }) => [name, state]);
      expect(states).toEqual([
        ["Still", "ready"],
        ["box", "ready"]
      ]);
      expect(textOf(await agent.mcp.callTool({ serverId: "rpc1", name: "whoami" }))).toBe("old in rpc:old-box");
      expect(await agent.addMcpServer("Still", "https://still.example/mcp")).toEqual({ id: "V1_-x", state: "ready" });
    });
    expect(new Set(seen)).toEqual(new Set(["k"]));
  });

  // proves mcp-client#registerServer, mcp-client#discoverIfConnected
  it("a server that is registered again is the same, unless it is another one", async () => {
    const asked = internet({ "still.example": echo, "other.example": echo });
    const stub = user();
    const register = (url: string) =>
      inside(stub, async (agent) => {
        await agent.mcp.registerServer("s", { name: "Still", url, callbackUrl: "" });
        return agent.mcp.listTools().length;
      });
    expect(await register("https://still.example/mcp")).toBe(0);
    await inside(stub, async (agent) => {
      expect(await agent.mcp.connectToServer("s")).toEqual({ state: "connected" });
      expect(agent.getMcpServers().servers.s?.state).toBe("connected");
      expect(await agent.mcp.discoverIfConnected("s")).toEqual({ success: true, state: "ready" });
    });
    asked.length = 0;
    expect(await register("https://still.example/mcp/")).toBe(1);
    expect(asked).toEqual([]);
    expect(await register("https://other.example/mcp")).toBe(0);
    expect(
      (await inside(stub, (agent) => errorOf(() => agent.mcp.registerServer("a b", { name: "", url: "" })))).code
    ).toBe("MCP_SERVER_INVALID");
  });

  it("an agent without servers loads and reads nothing", async () => {
    const stub = user();
    await stub.whyAwake();
    const cost = await costOf(stub, async () => {
      await evict(stub);
      await (await connect(stub)).settled();
    });
    expect(cost.statements.filter((statement) => statement.includes("mcp"))).toEqual([]);
  });
});

describe("clients", () => {
  // proves mcp-client#server-states, mcp-client#removed-storage, protocol-messages#mcp-broadcast
  it("are told of servers when they connect and when something changes", async () => {
    internet({ "still.example": echo });
    const stub = user();
    const client = await connect(stub);
    await client.settled();
    await stub.add("Still", "https://still.example/mcp", { id: "still" });
    const frames = (await client.settled()) as { mcp: { servers: { still?: { state: string } }; tools: unknown[] } }[];
    expect(frames.map(({ mcp }) => mcp.servers.still?.state)).toEqual([
      "connecting",
      "connected",
      "discovering",
      "ready"
    ]);
    const [, , , last] = frames;
    expect(last?.mcp.tools).toEqual([expect.objectContaining({ name: "echo", serverId: "still" })]);
    await inside(stub, (agent) => agent.mcp.closeAllConnections());
    await evict(stub);
    const late = await connect(stub);
    expect(await late.next("cf_agent_mcp_servers")).toEqual(last);
    await inside(stub, (agent) => agent.removeMcpServer("still"));
    expect(await client.next("cf_agent_mcp_servers")).toMatchObject({ mcp: { servers: {}, tools: [] } });
  });

  // proves mcp-client#broadcast-filtered, protocol-messages#no-mcp-broadcast
  it("that want no frames of the protocol are told nothing", async () => {
    internet({ "still.example": echo });
    const stub = user();
    const client = await connect(stub, "silent");
    await stub.add("Still", "https://still.example/mcp");
    expect(await client.settled()).toEqual([]);
  });
});
