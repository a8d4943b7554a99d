import { describe, expect, it } from "vitest";
import { agentUrl, resolveQuery, type AgentAddress } from "./url";

const host = "example.com";
const code = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return (error as { code: unknown }).code;
  }
  return "nothing was thrown";
};

describe("agentUrl", () => {
  // proves client-sdk#kebab, client-sdk#name, client-sdk#name-default, client-sdk#path, client-sdk#option-name
  // proves client-sdk#option-path, routing#client-spelling, routing#client-basePath, routing#client-name
  // proves routing#client-path, routing-older#path-with-basePath, routing-older#path-with-name
  it.each<[string, AgentAddress, string]>([
    ["the default instance", { agent: "ChatAgent", host }, "/agents/chat-agent/default"],
    ["a name", { agent: "ChatAgent", name: "room-1", host }, "/agents/chat-agent/room-1"],
    ["an acronym", { agent: "AIAssistant", host }, "/agents/ai-assistant/default"],
    ["capitals", { agent: "LOUD_AGENT", host }, "/agents/loud-agent/default"],
    ["kebab case already", { agent: "game-agent", host }, "/agents/game-agent/default"],
    ["a path", { agent: "A", name: "room", path: "settings", host }, "/agents/a/room/settings"],
    [
      "a path with a slash before it",
      { agent: "A", name: "room", path: "/settings/x/", host },
      "/agents/a/room/settings/x"
    ],
    ["a prefix", { agent: "A", name: "room", prefix: "/api/bots/", host }, "/api/bots/a/room"],
    ["a base path instead of agent and name", { agent: "A", name: "room", basePath: "user", host }, "/user"],
    ["a base path with a path", { agent: "A", basePath: "/user/", path: "settings", host }, "/user/settings"],
    ["a base path without an agent", { agent: "", basePath: "user", host }, "/user"]
  ])("builds %s", (_, address, path) => {
    expect(agentUrl(address, "http")).toBe(`https://example.com${path}`);
  });

  it.each([
    ["a/b", "a%2Fb"],
    ["what?#", "what%3F%23"],
    ["100%", "100%25"],
    ["my room", "my%20room"],
    ["日本", "%E6%97%A5%E6%9C%AC"],
    // As other clients send it.
    ["user@example.com:8080+(1),a=b&c;d!$'*", "user@example.com:8080+(1),a=b&c;d!$'*"]
  ])("encodes the name %s so that it comes out as one segment of a parsed URL", (name, segment) => {
    const url = agentUrl({ agent: "A", name, host }, "ws");
    expect(url).toBe(`wss://example.com/agents/a/${segment}`);
    expect(decodeURIComponent(new URL(url).pathname.slice("/agents/a/".length))).toBe(name);
  });

  it.each(["", ".", "..", "half \ud83c"])("refuses the name %j, which no URL can hold", (name) => {
    expect(code(() => agentUrl({ agent: "A", name, host }, "ws"))).toBe("CLIENT_OPTIONS_INVALID");
  });

  it("refuses an address without an agent", () => {
    expect(code(() => agentUrl({ agent: undefined as never, host }, "ws"))).toBe("CLIENT_OPTIONS_INVALID");
  });

  // proves guide-cross-domain-auth#wss
  it.each([
    ["localhost", "ws"],
    ["localhost:8787", "ws"],
    ["127.0.0.1:8787", "ws"],
    ["10.1.2.3", "ws"],
    ["192.168.0.12:3000", "ws"],
    ["172.16.0.1", "ws"],
    ["172.31.255.1", "ws"],
    ["[::1]:8787", "ws"],
    ["172.15.0.1", "wss"],
    ["172.32.0.1", "wss"],
    ["10.example.com", "wss"],
    ["localhost.example.com", "wss"],
    ["my-worker.example.workers.dev", "wss"]
  ])("connects to %s by %s", (given, scheme) => {
    expect(agentUrl({ agent: "A", host: given }, "ws")).toBe(`${scheme}://${given}/agents/a/default`);
  });

  // proves guide-cross-domain-auth#other-host
  it.each<[string, Partial<AgentAddress>, string]>([
    ["a scheme in the host", { host: "https://my.example.dev" }, "wss://my.example.dev"],
    ["a plain scheme in the host", { host: "http://backend:8787" }, "ws://backend:8787"],
    ["a slash after the host", { host: "http://localhost:5173/" }, "ws://localhost:5173"],
    ["a certificate on this machine", { host: "https://localhost:8443" }, "wss://localhost:8443"],
    ["the option protocol before all", { host: "https://my.example.dev", protocol: "ws" }, "ws://my.example.dev"],
    ["the option protocol of requests", { host: "localhost", protocol: "https" }, "wss://localhost"]
  ])("follows %s", (_, address, origin) => {
    expect(agentUrl({ agent: "A", ...address }, "ws")).toBe(`${origin}/agents/a/default`);
  });

  // proves client-sdk#host, client-sdk#host-default
  it.each([
    ["https:", "app.example.com", undefined, "wss://app.example.com"],
    ["http:", "desk.lan:5173", undefined, "ws://desk.lan:5173"],
    ["https:", "localhost:5173", "localhost:5173", "wss://localhost:5173"],
    ["http:", "desk.lan:5173", "other.example.com", "wss://other.example.com"]
  ])("on a page of %s//%s with the host %s connects to %s", (protocol, pageHost, given, origin) => {
    const url = agentUrl({ agent: "A", host: given }, "ws", {}, { protocol, host: pageHost });
    expect(url).toBe(`${origin}/agents/a/default`);
  });

  it.each([undefined, { protocol: "file:", host: "" }])(
    "asks for a host where there is no page with one",
    (location) => {
      expect(code(() => agentUrl({ agent: "A" }, "ws", {}, location))).toBe("CLIENT_OPTIONS_INVALID");
    }
  );

  it.each([
    ["items?limit=5", "items?limit=5&token=t"],
    ["/items/?next=/a/", "items/?next=/a/&token=t"]
  ])("appends the query to that of a path: %s", (path, end) => {
    const address = { agent: "A", host: "localhost", path };
    expect(agentUrl(address, "http", { token: "t" })).toBe(`http://localhost/agents/a/default/${end}`);
    expect(agentUrl(address, "http")).toBe(`http://localhost/agents/a/default/${end.replace("&token=t", "")}`);
  });

  it("appends the query, without what is null or undefined", () => {
    const url = agentUrl({ agent: "A", host }, "ws", {
      _pk: "1",
      token: "a b&c",
      none: null,
      no: undefined,
      n: 0,
      on: false
    });
    expect(url).toBe("wss://example.com/agents/a/default?_pk=1&token=a+b%26c&n=0&on=false");
  });
});

describe("resolveQuery", () => {
  // proves guide-cross-domain-auth#static-query
  it.each([
    ["nothing", undefined, {}],
    ["an object", { a: "1" }, { a: "1" }],
    ["a function", () => ({ a: "1" }), { a: "1" }],
    ["an async function", async () => ({ a: "1" }), { a: "1" }]
  ])("takes %s", async (_, source, query) => {
    expect(await resolveQuery(source)).toEqual(query);
  });
});
