// What an agent says of its MCP servers to whoever watches it.
import { expect, it } from "vitest";
import { introspect } from "../../testing";
import { errorOf } from "../../test/kit";
import { eventsOf, inside, internet, reborn, scripted, tool, user } from "../../test/mcp-internet";

const url = "https://tools.example/mcp";
const retry = { maxAttempts: 1 };

// proves observability#mcp:client:preconnect, observability#mcp:client:connect, observability#mcp:client:discover
it("a connection is said to be attempted, made and read; without the query of its URL, which may have secrets", async () => {
  internet({ "tools.example": scripted({ "tools/list": () => ({ tools: [tool("echo")] }) }) });
  const stub = user();
  await stub.add("Tools", `${url}?key=secret`, { id: "s" });
  expect(eventsOf(stub)).toEqual([
    { type: "mcp:client:preconnect", payload: { serverId: "s" } },
    { type: "mcp:client:connect", payload: { url, transport: "streamable-http", state: "connected" } },
    { type: "mcp:client:discover", payload: { url, state: "ready" } }
  ]);
});

it("a connection that fails is said to, and why", async () => {
  internet({});
  const stub = user();
  await inside(stub, (agent) => errorOf(() => agent.addMcpServer("Tools", url, { retry })));
  const payload = { url, transport: "auto", state: "failed", error: "Network connection lost." };
  expect(eventsOf(stub).at(-1)).toEqual({ type: "mcp:client:connect", payload });
});

it("a list that does not come is said not to, and why", async () => {
  internet({ "tools.example": scripted({ "tools/list": () => ({ tools: "none" }) }) });
  const stub = user();
  await inside(stub, (agent) => errorOf(() => agent.addMcpServer("Tools", url, { retry })));
  const payload = { url, state: "failed", error: expect.stringContaining("no list of tools") };
  expect(eventsOf(stub).at(-1)).toEqual({ type: "mcp:client:discover", payload });
});

// proves observability#mcp:client:authorize
it("a sign-in that begins is said to, with the address and the id of the client", async () => {
  const origin = "https://tools.example";
  internet({
    "tools.example": (request) => {
      switch (new URL(request.url).pathname) {
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
          return Response.json({ client_id: "c1", redirect_uris: ["https://app.example/"] }, { status: 201 });
        case "/mcp":
          return new Response(null, { status: 401 });
      }
      return new Response(null, { status: 404 });
    }
  });
  const stub = user();
  const { authUrl } = await stub.add("Tools", url, { id: "s", callbackHost: "https://app.example" });
  const payload = { serverId: "s", authUrl, clientId: "c1" };
  expect(eventsOf(stub).at(-1)).toEqual({ type: "mcp:client:authorize", payload });
});

it("two tools that would have one name are said to, and each is called by its own", async () => {
  const called: string[] = [];
  const site = (name: string) =>
    scripted({
      "tools/list": () => ({ tools: [tool(name)] }),
      "tools/call": ({ name: asked }) => (called.push(`${name}: ${String(asked)}`), { content: [] })
    });
  internet({ "one.example": site("b_c"), "two.example": site("c") });
  const stub = user();
  await inside(stub, async (agent) => {
    await agent.addMcpServer("One", "https://one.example/mcp", { id: "a" });
    // An id that an older release has made.
    const { id } = await agent.addMcpServer("Two", "https://two.example/mcp");
    await agent.mcp.closeAllConnections();
    agent.sql`UPDATE cf_agents_mcp_servers SET id = 'a_b' WHERE id = ${id}`;
    agent.sql`UPDATE cf_agents_mcp_catalogues SET server_id = 'a_b' WHERE server_id = ${id}`;
  });
  await reborn(stub);
  await inside(stub, async (agent) => {
    const tools = agent.mcp.getAITools();
    const [first, second] = Object.keys(tools);
    expect(first).toBe("tool_a_b_c");
    expect(agent.mcp.resolveAITool(first!)).toEqual({ serverId: "a", name: "b_c" });
    expect(agent.mcp.resolveAITool(second!)).toEqual({ serverId: "a_b", name: "c" });
    expect(agent.mcp.resolveAITool("tool_a_b_d")).toBeUndefined();
    for (const name of [first, second]) await tools[name!]!.execute({});
    expect(called).toEqual(["b_c: b_c", "c: c"]);
    const error = `"c" of "a_b" is called ${second}: another tool has its name`;
    expect(eventsOf(stub)).toContainEqual({ type: "mcp:client:discover", payload: { capability: "tools", error } });
  });
});

it("a call that ends is said to: what it was about, and why it failed; and nothing that was asked or answered", async () => {
  internet({
    "tools.example": scripted({
      "tools/list": () => ({ tools: [tool("echo"), tool("order")] }),
      "tools/call": ({ name }) => ({ content: [{ type: "text", text: String(name) }], isError: name === "order" })
    })
  });
  const stub = user();
  await stub.add("Tools", url, { id: "s" });
  await inside(stub, async (agent) => {
    await agent.mcp.callTool({ serverId: "s", name: "echo", arguments: { key: "s3cret" } });
    await agent.mcp.callTool({ serverId: "s", name: "order" });
    await errorOf(() => agent.mcp.readResource({ serverId: "s", uri: "file:///a" }));
  });
  const about = { serverId: "s", startedMs: expect.any(Number) };
  expect(eventsOf(stub).slice(-3)).toEqual([
    { type: "mcp:client:call", payload: { method: "tools/call", name: "echo", ...about } },
    { type: "mcp:client:call", payload: { method: "tools/call", name: "order", ...about, error: "order" } },
    {
      type: "mcp:client:call",
      payload: { method: "resources/read", name: "file:///a", ...about, error: expect.any(String) }
    }
  ]);
});

it("inspect() tells of servers: their addresses without what may be a secret, their states, how many tools they have", async () => {
  internet({ "tools.example": scripted({ "tools/list": () => ({ tools: [tool("echo")] }) }) });
  const stub = user();
  await stub.add("Tools", `${url}?key=s3cret`, { id: "s" });
  await inside(stub, (agent) =>
    errorOf(() => agent.addMcpServer("Gone", "https://gone.example/mcp", { id: "g", retry }))
  );
  expect((await introspect(stub)).mcpServers).toEqual({
    total: 2,
    first: [
      { id: "s", name: "Tools", url, state: "ready", tools: 1 },
      { id: "g", name: "Gone", url: "https://gone.example/mcp", state: "failed", tools: 0, error: expect.any(String) }
    ]
  });
});
