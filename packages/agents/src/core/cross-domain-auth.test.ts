import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { agentUrl } from "../client/url";
import { routeAgentRequest } from "../index";
import { TestConnection } from "../test/kit";
import { signToken } from "../test/documented-agents";

const soon = () => Date.now() + 60_000;

/** Connects as a client on another origin does: its credentials are in the query, and its page in a header. */
async function visit(room: string, query: Record<string, string>, headers: Record<string, string> = {}) {
  const address = { agent: "SecureAgent", name: room, host: "https://my-agent.example.workers.dev" };
  const url = agentUrl(address, "ws", query).replace(/^ws/, "http");
  const request = new Request(url, { headers: { Upgrade: "websocket", Origin: "https://app.example", ...headers } });
  const response = await routeAgentRequest(request, env);
  return new TestConnection(response!.webSocket!);
}

describe("a connection that brings its token in the query", () => {
  // proves guide-cross-domain-auth#token-in-query, guide-cross-domain-auth#verify-in-onConnect
  // proves guide-cross-domain-auth#connection-state, guide-cross-domain-auth#state-in-onMessage
  it("is let in, and the agent knows who it is with each message", async () => {
    const token = await signToken({ user: "ada", room: "valid", expiresAtMs: soon() });
    const connection = await visit("valid", { token, userId: "ada" });
    await connection.settled();
    connection.send("who am I?");
    expect(await connection.nextFrame()).toEqual({ userId: "ada", authenticated: true, cookie: null });
  });

  // proves guide-cross-domain-auth#close-unauthorized, guide-cross-domain-auth#short-lived
  // proves guide-cross-domain-auth#scoped-tokens, guide-cross-domain-auth#every-connection
  it.each<[string, () => Promise<Record<string, string>>]>([
    ["has none", async () => ({})],
    ["made it up", async () => ({ token: btoa('["{}",[1,2,3]]'), userId: "ada" })],
    ["is late", async () => ({ token: await signToken({ user: "ada", room: "kept", expiresAtMs: 0 }), userId: "ada" })],
    [
      "has that of another room",
      async () => ({ token: await signToken({ user: "ada", room: "other", expiresAtMs: soon() }), userId: "ada" })
    ],
    [
      "says that it is somebody else",
      async () => ({ token: await signToken({ user: "ada", room: "kept", expiresAtMs: soon() }), userId: "bob" })
    ]
  ])("and %s is closed with 4001", async (_who, query) => {
    const token = await signToken({ user: "ada", room: "kept", expiresAtMs: soon() });
    const first = await visit("kept", { token, userId: "ada" });
    const connection = await visit("kept", await query());
    expect(await connection.closed).toEqual({ code: 4001, reason: "Unauthorized" });
    expect((await first.settled()).length).toBeGreaterThan(0);
  });

  // proves guide-cross-domain-auth#check-in-onMessage
  it("is nobody to onMessage before it was let in", async () => {
    const token = await signToken({ user: "ada", room: "unknown", expiresAtMs: soon() });
    const connection = await visit("unknown", { token, userId: "ada" });
    await connection.settled();
    const stub = env.SecureAgent.get(env.SecureAgent.idFromName("unknown"));
    await runInDurableObject(stub, (agent) => void agent.getConnections()[0]!.setState(null));
    connection.send("who am I?");
    expect(await connection.nextFrame()).toEqual({ error: "Not authenticated" });
  });
});

// proves guide-cross-domain-auth#same-origin-cookies
it("a connection of the same origin brings its cookies, and onConnect sees them", async () => {
  const token = await signToken({ user: "ada", room: "cookie", expiresAtMs: soon() });
  const connection = await visit("cookie", { token, userId: "ada" }, { Cookie: "session=abc" });
  await connection.settled();
  connection.send("who am I?");
  expect(await connection.nextFrame()).toMatchObject({ cookie: "session=abc" });
});
