import { describe, expect, it } from "vitest";
import { connect, errorOf } from "../../test/kit";
import {
  eventsOf,
  inside,
  internet,
  reborn,
  scripted,
  started,
  tool,
  user,
  type Answers
} from "../../test/mcp-internet";
import { textOf } from "../../test/mcp-kit";

const url = "https://strange.example/mcp";
const retry = { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 };
const text = (value: string) => ({ content: [{ type: "text", text: value }] });

async function added(answers: Answers) {
  const hosts = { "strange.example": scripted(answers) };
  const asked = internet(hosts);
  const stub = user();
  await stub.add("Strange", url, { id: "s", retry });
  return { asked, stub, hosts };
}

const failureOf = (site: (request: Request) => Response | Promise<Response>) => {
  internet({ "strange.example": site });
  return inside(user(), async (agent) => {
    const error = await errorOf(() => agent.addMcpServer("Strange", url, { id: "s", retry }));
    const { s } = agent.getMcpServers().servers;
    return { code: error.code, state: s?.state, error: s?.error };
  });
};

describe("a server that answers with garbage is failed, and says so", () => {
  it.each<[string, () => Response, RegExp]>([
    ["a page", () => new Response("<h1>Hi</h1>", { headers: { "Content-Type": "text/html" } }), /content type/],
    ["no JSON", () => new Response("{", { headers: { "Content-Type": "application/json" } }), /JSON/],
    ["no message", () => Response.json({ hello: "there" }), /./],
    ["an error", () => new Response("<b>boom</b>", { status: 500 }), /&#60;b&#62;boom/]
  ])("%s", async (_, answer, message) => {
    const failure = await failureOf(() => answer());
    expect(failure).toEqual({ code: "MCP_CONNECTION_FAILED", state: "failed", error: expect.stringMatching(message) });
  });

  it("an answer of another protocol version", async () => {
    const failure = await failureOf(
      scripted({
        initialize: () => ({ protocolVersion: "1", capabilities: {}, serverInfo: { name: "x", version: "1" } })
      })
    );
    expect(failure.error).toContain("protocol version");
  });

  it("an answer that says nothing, which it is asked for once", async () => {
    let asked = 0;
    const failure = await failureOf(scripted({ initialize: () => ({ asked: ++asked }) }));
    expect(failure.error).toMatch(/protocolVersion|expected string/);
    expect(asked).toBe(1);
  });

  it("a list that is none", async () => {
    expect((await failureOf(scripted({ "tools/list": () => ({ tools: "all" }) }))).error).toContain("no list of tools");
  });
});

describe("one bad tool", () => {
  it("is left out, is reported, and takes no other with it", async () => {
    const tools = [
      tool("good"),
      { name: "bad" },
      { inputSchema: { type: "string" }, name: "worse" },
      null,
      tool("good"),
      tool("fine")
    ];
    const { stub } = await added({ "tools/list": () => ({ tools }) });
    await inside(stub, (agent) => {
      expect(agent.mcp.listTools().map(({ name }) => name)).toEqual(["good", "fine"]);
    });
    const errors = eventsOf(stub).flatMap(({ payload }) => (payload.capability === "tools" ? [payload.error] : []));
    expect(errors).toEqual([
      expect.stringMatching(/^"bad" is left out/),
      expect.stringMatching(/^"worse" is left out/),
      expect.stringMatching(/^"undefined" is left out/),
      '"good" is left out: there is another one of this name'
    ]);
  });
});

describe("a list", () => {
  it("is read to its end, and not beyond when it has none", async () => {
    let pages = 0;
    const { stub } = await added({
      "tools/list": ({ cursor }) => {
        pages++;
        return { tools: [tool(`t${pages}`)], nextCursor: cursor === "c2" ? "c2" : cursor === undefined ? "c1" : "c2" };
      }
    });
    await inside(stub, (agent) => expect(agent.mcp.listTools().map(({ name }) => name)).toEqual(["t1", "t2", "t3"]));
  });

  it("of something else than tools may be missing", async () => {
    const capabilities = { tools: {}, prompts: {}, resources: {} };
    const { stub } = await added({
      initialize: () => ({ protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "x", version: "1" } }),
      "tools/list": () => ({ tools: [tool("a")] }),
      "prompts/list": () => new Response("no", { status: 500 })
    });
    await inside(stub, (agent) => {
      expect(agent.getMcpServers().servers.s?.state).toBe("ready");
      expect(agent.mcp.listTools()).toHaveLength(1);
    });
    expect(eventsOf(stub)).toContainEqual({
      type: "mcp:client:discover",
      payload: { url, capability: "prompts", error: expect.stringContaining("Error POSTing") }
    });
  });
});

describe("a slow server", () => {
  it("does not keep others waiting for longer than they want", async () => {
    internet({ "strange.example": () => new Promise<Response>(() => {}) });
    const stub = user();
    await started(stub);
    await inside(stub, async (agent) => {
      const adding = agent.addMcpServer("Strange", url, { id: "s" });
      adding.catch(() => {});
      await agent.mcp.waitForConnections({ timeout: 1 });
      expect(agent.getMcpServers().servers.s?.state).toBe("connecting");
      await agent.removeMcpServer("s");
      expect((await errorOf(() => adding)).code).toBe("MCP_CONNECTION_FAILED");
      expect(agent.getMcpServers().servers).toEqual({});
    });
  });

  // proves mcp-client#discover-timeout
  it("that does not say what it has is failed after the time that it is given", async () => {
    let isSlow = false;
    const { stub } = await added({
      "tools/list": () => (isSlow ? new Promise(() => {}) : { tools: [tool("a")] })
    });
    isSlow = true;
    await inside(stub, async (agent) => {
      const result = await agent.mcp.discoverIfConnected("s", { timeoutMs: 10 });
      expect(result).toEqual({ success: false, state: "failed", error: expect.stringContaining("0.01 s") });
      await agent.mcp.closeConnection("s");
      expect(await agent.mcp.discoverIfConnected("s")).toBeUndefined();
    });
  });
});

describe("a server that changes", () => {
  it("has its new tools when it says so, and clients are told", async () => {
    let tools = [tool("old")];
    let announce = (_message: object) => {};
    const answers = scripted({ "tools/list": () => ({ tools }) });
    internet({
      "strange.example": (request) => {
        if (request.method !== "GET") return answers(request);
        const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
        const writer = writable.getWriter();
        announce = (message) => void writer.write(new TextEncoder().encode(`data: ${JSON.stringify(message)}\n\n`));
        return new Response(readable, { headers: { "Content-Type": "text/event-stream" } });
      }
    });
    const stub = user();
    await stub.add("Strange", url, { id: "s" });
    const client = await connect(stub);
    await client.settled();
    tools = [tool("new")];
    await inside(stub, () => announce({ jsonrpc: "2.0", method: "notifications/tools/list_changed" }));
    type Frame = { type: string; mcp: { tools: { name: string }[]; servers: { s: { state: string } } } };
    const frame = await client.next<Frame>(({ type }) => type === "cf_agent_mcp_servers");
    expect([frame.mcp.tools.map(({ name }) => name), frame.mcp.servers.s.state]).toEqual([["new"], "ready"]);
    await inside(stub, (agent) => agent.mcp.closeAllConnections());
  });

  it("is asked again once it is used after a while, and its stored tools are there meanwhile", async () => {
    let name = "old";
    const { stub } = await added({ "tools/list": () => ({ tools: [tool(name)] }) });
    name = "new";
    await reborn(stub);
    await inside(stub, (agent) => {
      // Not yet: it was asked a moment ago.
      expect(Object.keys(agent.mcp.getAITools())).toEqual(["tool_s_old"]);
      agent.sql`UPDATE cf_agents_mcp_catalogues SET updated_ms = updated_ms - 300000`;
    });
    await reborn(stub);
    await inside(stub, async (agent) => {
      const changed = new Promise<void>((resolve) => agent.mcp.onServerStateChanged(resolve));
      expect(Object.keys(agent.mcp.getAITools())).toEqual(["tool_s_old"]);
      await changed;
      expect(Object.keys(agent.mcp.getAITools())).toEqual(["tool_s_new"]);
    });
  });
});

describe("a call", () => {
  it("is made again in a new session when the server has forgotten the old one", async () => {
    let isGone = true;
    const { stub } = await added({
      "tools/list": () => ({ tools: [tool("a")] }),
      "tools/call": () => {
        if (!isGone) return text("done");
        isGone = false;
        return new Response("session not found", { status: 404 });
      }
    });
    await inside(stub, async (agent) => {
      expect(textOf(await agent.mcp.callTool({ serverId: "s", name: "a" }))).toBe("done");
    });
  });

  it("is not made again when it may have taken effect", async () => {
    let calls = 0;
    const { stub } = await added({
      "tools/list": () => ({ tools: [tool("a")] }),
      "tools/call": () => {
        calls++;
        return new Response("died", { status: 502 });
      }
    });
    await inside(stub, async (agent) => {
      await errorOf(() => agent.mcp.callTool({ serverId: "s", name: "a" }));
      expect(calls).toBe(1);
      expect(agent.getMcpServers().servers.s?.state).toBe("ready");
    });
  });

  it("of a server that is gone is an error, and the next one finds it when it is back", async () => {
    const { stub, hosts } = await added({
      "tools/list": () => ({ tools: [tool("a")] }),
      "tools/call": () => text("back")
    });
    await reborn(stub);
    const { "strange.example": site } = hosts;
    hosts["strange.example"] = async () => new Response("down", { status: 503 });
    await inside(stub, async (agent) => {
      const { tool_s_a: a } = agent.mcp.getAITools();
      expect((await errorOf(() => a!.execute({}))).message).toContain("Failed to connect");
      expect(agent.getMcpServers().servers.s).toMatchObject({ state: "failed" });
      hosts["strange.example"] = site;
      expect(textOf(await a!.execute({}))).toBe("back");
      expect(agent.getMcpServers().servers.s).toMatchObject({ state: "ready", error: null });
    });
  });

  it("that fails in the tool is an error for the model", async () => {
    const { stub } = await added({
      "tools/list": () => ({ tools: [tool("a")] }),
      "tools/call": () => ({ ...text("no such order"), isError: true })
    });
    await inside(stub, async (agent) => {
      const error = await errorOf(() => agent.mcp.getAITools().tool_s_a!.execute({}));
      expect([error.code, error.message]).toEqual(["MCP_TOOL_FAILED", "no such order"]);
    });
  });

  it("of a server that there is not names those that there are", async () => {
    const { stub } = await added({ "tools/list": () => ({ tools: [] }) });
    await inside(stub, async (agent) => {
      const error = await errorOf(() => agent.mcp.callTool({ serverId: "constructor", name: "a" }));
      expect([error.code, error.message]).toEqual([
        "MCP_SERVER_UNKNOWN",
        'There is no MCP server "constructor"; there are: s'
      ]);
    });
  });
});
