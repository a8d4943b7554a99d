import { env } from "cloudflare:test";
import { getAgentByName } from "agents";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { describe, expect, it, vi } from "vitest";
import { logged, TestConnection } from "../../agents/src/test/kit";
import { agentsMiddleware, type AgentsMiddlewareOptions } from "./agents-middleware";

type Bindings = { Bindings: Cloudflare.Env };
const upgrade = { headers: { Upgrade: "websocket" } };

/** The application of the documentation, with other middleware before ours. */
function application(options?: AgentsMiddlewareOptions<Bindings>, ...before: ReturnType<typeof cors>[]) {
  const app = new Hono<Bindings>();
  for (const middleware of before) app.use("*", middleware);
  app.use("*", agentsMiddleware(options));
  app.get("/api/hello", (c) => c.json({ message: "Hello!" }));
  return (path: string, init?: RequestInit) => app.fetch(new Request(`http://test${path}`, init), env);
}

describe("a request", () => {
  // proves add-to-existing-project#hono, add-to-existing-project#hono-package
  it("for an agent is answered by it", async () => {
    const response = await application()("/agents/room-agent/a/notes", { method: "POST", body: "text" });
    expect(await response.json()).toMatchObject({ name: "a", method: "POST", body: "text" });
    expect(response.headers.get("X-Agent")).toBe("room");
  });

  // proves add-to-existing-project#hono-existing-routes
  it("for anything else goes on to the next handler", async () => {
    const fetch = application();
    expect(await (await fetch("/api/hello")).json()).toEqual({ message: "Hello!" });
    expect((await fetch("/nowhere")).status).toBe(404);
    expect((await fetch("/agents/room-agent")).status).toBe(404);
  });

  it("for an agent that there is not is a bad request, not the next handler's", async () => {
    const log = await logged(async () => expect((await application()("/agents/nope/a")).status).toBe(400));
    expect(log.join()).toMatch(/No agent "nope".*room-agent/);
  });

  it("whose body a middleware has read still has it", async () => {
    const fetch = application({}, async (c, next) => {
      expect(await c.req.json()).toEqual({ n: 1 });
      await next();
    });
    const response = await fetch("/agents/room-agent/a", { method: "POST", body: '{"n":1}' });
    expect(await response.json()).toMatchObject({ method: "POST", body: '{"n":1}' });
  });
});

describe("a WebSocket", () => {
  // proves add-to-existing-project#hono
  it("is connected to its agent", async () => {
    const response = await application()("/agents/room-agent/socket", upgrade);
    expect(response.status).toBe(101);
    const connection = new TestConnection(response.webSocket!);
    expect(await connection.next("cf_agent_identity")).toMatchObject({ name: "socket", agent: "room-agent" });
    expect(await connection.call("note", "x")).toMatchObject({ result: 1 });
  });

  it("for nobody goes on to the next handler", async () => {
    expect((await application()("/elsewhere", upgrade)).status).toBe(404);
  });
});

describe("options of routing", () => {
  it("are those of routeAgentRequest", async () => {
    const fetch = application({ options: { prefix: "/bots", cors: true, props: { who: "me" } } });
    const response = await fetch("/bots/room-agent/with-props");
    expect(await response.json()).toMatchObject({ who: "me" });
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect((await fetch("/agents/room-agent/a")).status).toBe(404);
  });

  it.each([
    ["onBeforeConnect", upgrade],
    ["onBeforeRequest", {}]
  ])("let %s reject, and its response is the answer", async (hook, init) => {
    const reject = vi.fn(() => new Response("Unauthorized", { status: 401, headers: { "X-Reason": "token" } }));
    const response = await application({ options: { [hook]: reject } })("/agents/room-agent/a", init);
    expect([response.status, response.headers.get("X-Reason"), await response.text()]).toEqual([
      401,
      "token",
      "Unauthorized"
    ]);
    expect(reject).toHaveBeenCalledWith(expect.any(Request), { className: "RoomAgent", name: "a" });
  });
});

describe("an error", () => {
  it("is thrown, and reaches the application", async () => {
    const app = new Hono<Bindings>();
    app.use("*", agentsMiddleware());
    app.onError((error, c) => c.text(`caught ${error.message}`, 500));
    const response = app.fetch(new Request("http://test/agents/room-agent/a/throw"), env);
    await logged(async () => expect(await (await response).text()).toBe("caught thrown in onRequest"));
  });

  it("goes to onError instead, and the request to the next handler", async () => {
    const onError = vi.fn();
    await logged(async () => expect((await application({ onError })("/agents/room-agent/a/throw")).status).toBe(404));
    expect(onError.mock.calls).toEqual([[expect.objectContaining({ message: "thrown in onRequest" })]]);
  });

  it("is answered by what onError returns", async () => {
    const onError = async (error: Error) => new Response(error.message, { status: 503 });
    const fail = () => Promise.reject("no database");
    const response = await application({ options: { onBeforeRequest: fail }, onError })("/agents/room-agent/a");
    expect([response.status, await response.text()]).toEqual([503, "no database"]);
  });

  it("of a later handler is not ours", async () => {
    const app = new Hono<Bindings>();
    const onError = vi.fn();
    app.use("*", agentsMiddleware({ onError }));
    app.get("/fails", () => {
      throw new Error("elsewhere");
    });
    app.onError((error, c) => c.text(error.message, 500));
    const response = await app.fetch(new Request("http://test/fails"), env);
    expect([await response.text(), onError.mock.calls]).toEqual(["elsewhere", []]);
  });
});

describe("beside other middleware", () => {
  it.each([
    ["which sets headers before", [cors()]],
    ["which sets headers after", [secureHeaders()]],
    ["of both kinds", [secureHeaders(), cors()]]
  ])("%s, requests and WebSockets work", async (_name, before) => {
    const fetch = application({}, ...before);
    expect(await (await fetch("/agents/room-agent/a")).json()).toMatchObject({ name: "a" });
    const connection = new TestConnection((await fetch("/agents/room-agent/a", upgrade)).webSocket!);
    expect(await connection.next("cf_agent_identity")).toMatchObject({ name: "a" });
  });

  // proves routing#hono
  it("an application can authenticate first, and forward to an agent itself", async () => {
    const app = new Hono<Bindings>();
    app.use("/agents/*", async (c, next) => {
      if (c.req.header("Authorization") !== "Bearer token") return c.json({ error: "Unauthorized" }, 401);
      return next();
    });
    app.all("/agents/rooms/:id/*", async (c) => {
      const agent = await getAgentByName(c.env.RoomAgent, c.req.param("id"));
      return agent.fetch(c.req.raw);
    });
    const fetch = (headers: Record<string, string>) =>
      app.fetch(new Request("http://test/agents/rooms/r1/x", { headers }), env);
    expect((await fetch({})).status).toBe(401);
    expect(await (await fetch({ Authorization: "Bearer token" })).json()).toMatchObject({ name: "r1" });
  });
});
