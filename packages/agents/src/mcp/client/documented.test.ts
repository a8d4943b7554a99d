// What the documentation says of MCP servers, and the other tests do not show.
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { getNamespacedData } from "../../mcp-client";
import { isTransportNotImplemented, isUnauthorized } from "../../index";
import { connect, errorOf } from "../../test/kit";
import type { McpUser } from "../../test/mcp-client-agents";
import { inside, internet, reborn, scripted, tool, user, type Site } from "../../test/mcp-internet";

const url = "https://tools.example/mcp";
const box = scripted({ "tools/list": () => ({ tools: [tool("echo")] }) });

/** A server that wants somebody to sign in; who does so is its own authorization server. */
function guarded(server: Site = box): void {
  const origin = "https://tools.example";
  internet({
    "tools.example": async (request) => {
      switch (new URL(request.url).pathname) {
        case "/.well-known/oauth-protected-resource/mcp":
          return Response.json({ resource: url, authorization_servers: [origin] });
        case "/.well-known/oauth-authorization-server":
          return Response.json({
            issuer: origin,
            authorization_endpoint: `${origin}/authorize`,
            token_endpoint: `${origin}/token`,
            registration_endpoint: `${origin}/register`,
            response_types_supported: ["code"],
            code_challenge_methods_supported: ["S256"]
          });
        case "/register":
          return Response.json({ ...(await request.json<object>()), client_id: "c" }, { status: 201 });
        case "/token":
          return Response.json({ access_token: "t", token_type: "bearer" });
      }
      return request.headers.has("Authorization") ? server(request) : new Response(null, { status: 401 });
    }
  });
}

const redirectOf = (authUrl: string | undefined) => new URL(authUrl!).searchParams.get("redirect_uri");

describe("where users come back to", () => {
  // proves mcp-client#callbackHost-derived
  it("is the host by which a connection has come, where no request is at hand", async () => {
    guarded();
    const stub = user();
    const client = await connect(stub);
    const { result } = await client.call("add", "Tools", url);
    expect(redirectOf((result as { authUrl: string }).authUrl)).toBe(
      `http://test/agents/mcp-user/${stub.name}/callback`
    );
  });

  // proves mcp-client#callbackHost, mcp-client#agentsPrefix
  // proves agent-class-internals#addMcpServer
  it("is below the host and the prefix that the program gives", async () => {
    guarded();
    const stub = user();
    const options = { callbackHost: "my-worker.workers.dev", agentsPrefix: "/api/v1/" };
    const { authUrl } = await stub.add("Tools", url, options);
    expect(redirectOf(authUrl)).toBe(`https://my-worker.workers.dev/api/v1/mcp-user/${stub.name}/callback`);
  });
});

describe("servers", () => {
  // proves mcp-client#other-url, mcp-client#tools-namespaced, mcp-client#raw-tools
  it("of one name and two URLs are two, and their tools do not meet", async () => {
    internet({ "tools.example": box, "other.example": box });
    const stub = user();
    const [one, two] = [await stub.add("Tools", url), await stub.add("Tools", "https://other.example/mcp")];
    await inside(stub, (agent) => {
      expect(Object.keys(agent.mcp.getAITools()).sort()).toEqual(
        [`tool_${one.id}_echo`, `tool_${two.id}_echo`].toSorted()
      );
      const raw = [one, two].map(({ id }) => ({ ...tool("echo"), serverId: id }));
      expect(agent.getMcpServers().tools).toEqual(raw);
      expect(agent.mcp.listTools()).toEqual(raw);
      expect(getNamespacedData(agent.mcp.mcpConnections, "tools")).toEqual(raw);
    });
  });

  // proves mcp-client#removeMcpServer, agents-api#removeMcpServer
  it("that are removed are gone, also in the next life", async () => {
    const asked = internet({ "tools.example": box });
    const stub = user();
    const { id } = await stub.add("Tools", url);
    await inside(stub, (agent) => agent.removeMcpServer(id));
    await reborn(stub);
    asked.length = 0;
    await inside(stub, async (agent) => {
      await agent.mcp.waitForConnections();
      expect(agent.getMcpServers().servers).toEqual({});
      expect(agent.mcp.getAITools()).toEqual({});
      expect((await errorOf(() => agent.mcp.connectToServer(id))).code).toBe("MCP_SERVER_UNKNOWN");
    });
    expect(asked).toEqual([]);
  });

  // proves mcp-client#closeConnection, mcp-client#closeAllConnections
  it("whose connections are closed stay, and a call connects again", async () => {
    const asked = internet({ "tools.example": box, "other.example": box });
    const stub = user();
    await stub.add("Tools", url, { id: "one" });
    await stub.add("Other", "https://other.example/mcp", { id: "two" });
    const connected = async (close: (mcp: McpUser["mcp"]) => Promise<void>) =>
      inside(stub, async (agent) => {
        await close(agent.mcp);
        asked.length = 0;
        const states = Object.values(agent.getMcpServers().servers).map(({ state }) => state);
        expect([states, Object.keys(agent.mcp.getAITools())]).toEqual([
          ["ready", "ready"],
          ["tool_one_echo", "tool_two_echo"]
        ]);
        for (const serverId of ["one", "two"]) await errorOf(() => agent.mcp.callTool({ serverId, name: "echo" }));
        // Each session begins with a greeting and its receipt.
        return ["tools.example", "other.example"].filter(
          (host) => asked.filter((line) => line === `POST ${host}/mcp`).length >= 3
        );
      });
    expect(await connected((mcp) => mcp.closeConnection("two"))).toEqual(["other.example"]);
    expect(await connected((mcp) => mcp.closeAllConnections())).toEqual(["tools.example", "other.example"]);
  });

  // proves mcp-client#connectToServer
  it("are connected in steps: done, refused, or waiting for the user", async () => {
    guarded();
    await inside(user(), async (agent) => {
      const name = "Tools";
      await agent.mcp.registerServer("user", { name, url, callbackUrl: "https://app.example/callback" });
      expect(await agent.mcp.connectToServer("user")).toEqual({
        state: "authenticating",
        authUrl: expect.stringContaining("https://tools.example/authorize?")
      });
      const retry = { maxAttempts: 1 };
      await agent.mcp.registerServer("gone", { name, url: "https://gone.example/mcp", retry });
      expect(await agent.mcp.connectToServer("gone")).toEqual({ state: "failed", error: "Network connection lost." });
    });
    internet({ "tools.example": box });
    await inside(user(), async (agent) => {
      await agent.mcp.registerServer("open", { name: "Tools", url });
      expect(await agent.mcp.connectToServer("open")).toEqual({ state: "connected" });
    });
  });

  // proves guide-connect-to-an-mcp-server#add-mcp, guide-connect-to-an-mcp-server#mcp-state
  // proves guide-connect-to-an-mcp-server#persist, agents-api#getMcpServers, mcp-client#getMcpServers
  it("are added by a request, and listed by the next ones", async () => {
    internet({ "tools.example": box });
    const stub = user();
    const body = JSON.stringify(["Example Server", url]);
    const added = await stub.fetch("https://app.example/add", { method: "POST", body });
    const { id } = await added.json<{ id: string }>();
    for (let request = 0; request < 2; request++) {
      expect(await inside(stub, (agent) => JSON.parse(JSON.stringify(agent.getMcpServers())))).toEqual({
        servers: {
          [id]: {
            name: "Example Server",
            state: "ready",
            server_url: url,
            auth_url: null,
            error: null,
            instructions: null,
            capabilities: { tools: { listChanged: true } }
          }
        },
        tools: [{ ...tool("echo"), serverId: id }],
        prompts: [],
        resources: [],
        resourceTemplates: []
      });
      await reborn(stub);
    }
  });

  it("may be connected by their URL alone, and are called after its host", async () => {
    internet({ "tools.example": box });
    await inside(user(), async (agent) => {
      const { id } = await agent.mcp.connect(url);
      expect(agent.getMcpServers().servers[id]).toMatchObject({ name: "tools.example", state: "ready" });
    });
  });

  it("that offer more than a row holds are asked again in the next life", async () => {
    let lists = 0;
    const description = "x".repeat(1_800_000);
    internet({
      "tools.example": scripted({ "tools/list": () => (lists++, { tools: [tool("large", { description })] }) })
    });
    const stub = user();
    await stub.add("Tools", url, { id: "s" });
    const names = () => inside(stub, (agent) => agent.mcp.listTools().map(({ name }) => name));
    expect([await names(), lists]).toEqual([["large"], 1]);
    await reborn(stub);
    await inside(stub, (agent) => agent.mcp.waitForConnections());
    expect([await names(), lists]).toEqual([["large"], 2]);
  });
});

describe("clients", () => {
  // proves mcp-client#broadcastMcpServers, mcp-client#onServerStateChanged
  it("are told again when the program says so, and programs of changes until they have heard enough", async () => {
    internet({ "tools.example": box });
    const stub = user();
    await stub.add("Tools", url, { id: "s" });
    const client = await connect(stub);
    const first = await client.next("cf_agent_mcp_servers");
    await inside(stub, (agent) => agent.broadcastMcpServers());
    expect(await client.next("cf_agent_mcp_servers")).toEqual(first);
    await inside(stub, async (agent) => {
      let changes = 0;
      const { dispose } = agent.mcp.onServerStateChanged(() => changes++);
      await agent.mcp.registerServer("t", { name: "Other", url: "https://other.example/mcp" });
      expect(changes).toBe(1);
      dispose();
      await agent.removeMcpServer("t");
      expect(changes).toBe(1);
    });
  });
});

describe("retries", () => {
  /** A server with troubles, and how often it was asked. */
  function troubled(status = 503) {
    let attempts = 0;
    let wanted = { attempts: 0, tell: () => {} };
    const site: Site = () => {
      if (++attempts === wanted.attempts) wanted.tell();
      return new Response("later", { status });
    };
    const seen = (number: number): Promise<void> | void => {
      if (attempts < number) return new Promise((tell) => (wanted = { attempts: number, tell }));
    };
    return { site, attempts: () => attempts, seen };
  }
  const retry = { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 };

  // proves retries#mcp, mcp-client#retry
  it("are as many as the program says, and none where another attempt would end the same", async () => {
    const [slow, gone] = [troubled(), troubled(404)];
    internet({ "tools.example": slow.site, "gone.example": gone.site });
    await inside(user(), async (agent) => {
      expect((await errorOf(() => agent.addMcpServer("Slow", url, { retry }))).code).toBe("MCP_CONNECTION_FAILED");
      const transport = { type: "streamable-http" as const };
      await errorOf(() => agent.addMcpServer("Gone", "https://gone.example/mcp", { retry, transport }));
    });
    expect([slow.attempts(), gone.attempts()]).toEqual([2, 1]);
  });

  // proves retries#mcp-defaults
  it("are three attempts by default, at most one second and two apart", async () => {
    const slow = troubled();
    internet({ "tools.example": slow.site });
    await inside(user(), async (agent) => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const random = vi.spyOn(Math, "random").mockReturnValue(1);
      onTestFinished(() => {
        vi.useRealTimers();
        random.mockRestore();
      });
      const failed = errorOf(() => agent.addMcpServer("Slow", url));
      for (const [attempt, waitedMs] of [
        [1, 0],
        [2, 1_000],
        [3, 2_000]
      ] as const) {
        if (waitedMs > 0) {
          await vi.advanceTimersByTimeAsync(waitedMs - 1);
          expect(slow.attempts()).toBe(attempt - 1);
          await vi.advanceTimersByTimeAsync(1);
        }
        await slow.seen(attempt);
      }
      expect((await failed).code).toBe("MCP_CONNECTION_FAILED");
    });
  });

  // proves retries#mcp-persisted
  it("are kept: after a wake, and when somebody has signed in", async () => {
    const slow = troubled();
    internet({ "tools.example": slow.site });
    const stub = user();
    await inside(stub, (agent) => agent.mcp.registerServer("s", { name: "Slow", url, retry }));
    await reborn(stub);
    await inside(stub, (agent) => agent.mcp.waitForConnections());
    expect(slow.attempts()).toBe(2);

    const later = troubled();
    guarded(later.site);
    const signing = user();
    const { authUrl } = await signing.add("Tools", url, { id: "s", callbackHost: "https://app.example", retry });
    const state = new URL(authUrl!).searchParams.get("state")!;
    await signing.fetch(`${redirectOf(authUrl)}?code=c&state=${state}`, { redirect: "manual" });
    await inside(signing, (agent) => agent.mcp.waitForConnections());
    expect(later.attempts()).toBe(2);
  });
});

describe("errors", () => {
  // proves mcp-client#isTransportNotImplemented
  it("say when a server does not know the transport", async () => {
    internet({ "tools.example": () => new Response("no such thing", { status: 405 }) });
    await inside(user(), async (agent) => {
      const error = await errorOf(() => agent.addMcpServer("Tools", url));
      expect([isTransportNotImplemented(error), isUnauthorized(error)]).toEqual([true, false]);
    });
  });

  // proves mcp-client#isUnauthorized
  it("say when a server wants somebody to sign in who cannot", async () => {
    internet({ "tools.example": () => new Response("who are you?", { status: 401 }) });
    await inside(user(), async (agent) => {
      const error = await errorOf(() => agent.addMcpServer("Tools", url));
      expect([isTransportNotImplemented(error), isUnauthorized(error)]).toEqual([false, true]);
    });
  });
});
