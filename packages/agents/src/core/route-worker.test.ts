import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { getAgentByName, routeAgentRequest } from "../index";
import { connect, TestConnection } from "../test/kit";

const upgrade = { headers: { Upgrade: "websocket" } };

/** A Worker with routes of its own, which asks who somebody is before it lets them to their agents. */
async function worker(path: string, init?: RequestInit): Promise<Response> {
  const request = new Request(`http://test${path}`, init);
  const url = new URL(request.url);
  if (url.pathname.startsWith("/agents/")) {
    const user = request.headers.get("Authorization")?.replace("Bearer ", "") ?? url.searchParams.get("token");
    if (!user) return new Response("Unauthorized", { status: 401 });
    if (url.pathname.split("/")[3] !== `user-${user}`) return new Response("Forbidden", { status: 403 });
  }
  if (url.pathname === "/api/increment") {
    const counter = await getAgentByName(env.CounterAgent, "global-counter");
    return Response.json({ count: await counter.increment() });
  }
  return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
}
const status = async (path: string, init?: RequestInit) => (await worker(path, init)).status;

describe("a Worker around the router", () => {
  // proves routing#manual-authentication, add-to-existing-project#auth-before-routing
  it("decides who reaches which instance, by request and by WebSocket", async () => {
    const headers = { Authorization: "Bearer ada" };
    expect(await status("/agents/counter-agent/user-ada")).toBe(401);
    expect(await status("/agents/counter-agent/user-bob", { headers })).toBe(403);
    expect(await status("/agents/counter-agent/user-ada", { headers })).toBe(200);
    expect(await status("/agents/counter-agent/user-ada", upgrade)).toBe(401);
    const { webSocket } = await worker("/agents/counter-agent/user-ada?token=ada", upgrade);
    expect(await new TestConnection(webSocket!).next("cf_agent_identity")).toMatchObject({ name: "user-ada" });
  });

  // proves routing#getAgentByName, routing#undefined, routing#singleton
  it("has routes of its own beside those of agents, and calls an agent in one", async () => {
    expect(await (await worker("/api/increment")).json()).toEqual({ count: 1 });
    expect(await (await worker("/api/increment")).json()).toEqual({ count: 2 });
    expect(await status("/elsewhere")).toBe(404);
  });

  // proves routing#hook-reject-401, routing#onBeforeConnect-token, routing#onBeforeRequest-header
  it("may ask in hooks instead: for the token of a WebSocket, for the header of a request", async () => {
    const isKnown = (token: string | null) => token === "valid";
    const route = (path: string, init?: RequestInit) =>
      routeAgentRequest(new Request(`http://test${path}`, init), env, {
        onBeforeConnect: async ({ url }) => {
          if (!isKnown(new URL(url).searchParams.get("token"))) return new Response("Unauthorized", { status: 401 });
        },
        onBeforeRequest: async ({ headers }) => {
          if (!isKnown(headers.get("Authorization"))) return new Response("Unauthorized", { status: 401 });
        }
      });
    const answers = await Promise.all([
      route("/agents/counter-agent/h?token=wrong", upgrade),
      route("/agents/counter-agent/h?token=valid", upgrade),
      route("/agents/counter-agent/h?token=valid"),
      route("/agents/counter-agent/h", { headers: { Authorization: "valid" } })
    ]);
    expect(answers.map((answer) => answer?.status)).toEqual([401, 101, 401, 200]);
  });
});

describe("an agent", () => {
  // proves routing#flow-websocket, routing#flow-http
  it("gets a WebSocket in onConnect and onMessage, and any other request in onRequest", async () => {
    const response = await routeAgentRequest(new Request("http://test/agents/recorder/flow?_pk=a", upgrade), env);
    const connection = new TestConnection(response!.webSocket!);
    connection.send("hello");
    await connection.settled();
    await routeAgentRequest(new Request("http://test/agents/recorder/flow"), env);
    const stub = env.Recorder.get(env.Recorder.idFromName("flow"));
    expect(await runInDurableObject(stub, ({ seen }) => seen)).toEqual([
      { event: "start", detail: undefined },
      { event: "connect", detail: "a" },
      { event: "message", detail: "hello" }
    ]);
  });

  // proves routing#own-paths
  it("has the path of its class: the same name in two classes is two instances", async () => {
    const names = await Promise.all(
      ["counter-agent", "game-agent"].map(async (agent) => {
        const response = await routeAgentRequest(new Request(`http://test/agents/${agent}/same`, upgrade), env);
        return new TestConnection(response!.webSocket!).next("cf_agent_identity");
      })
    );
    expect(names).toMatchObject([
      { agent: "counter-agent", name: "same" },
      { agent: "game-agent", name: "same" }
    ]);
  });

  // proves routing#sendIdentityOnConnect
  it("with sendIdentityOnConnect: false does not tell its name, and is otherwise as any", async () => {
    const stub = env.HEIR_OF_ALL.get(env.HEIR_OF_ALL.idFromName("secret"));
    const frames = await (await connect(stub)).settled();
    expect(frames).toMatchObject([{ type: "cf_agent_state", state: { n: 0 } }, { type: "cf_agent_mcp_servers" }]);
    expect(JSON.stringify(frames)).not.toContain("secret");
  });
});
