import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { agentUrl, type AgentAddress } from "../client/url";
import { getAgentByName, routeAgentRequest, type RouteOptions } from "../index";
import { errorOf, logged, TestConnection } from "../test/kit";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs } from "../test/random";

const upgrade = { headers: { Upgrade: "websocket" } };
const route = (path: string, options?: RouteOptions, init?: RequestInit, bindings: object = env) =>
  routeAgentRequest(new Request(`http://test${path}`, init), bindings, options);

/** A namespace that writes down what is asked of it and of its instances. */
function watched() {
  const calls: unknown[][] = [];
  const stub = {
    fetch: async (request: Request) => (calls.push(["fetch", new URL(request.url).pathname]), new Response("ok")),
    __agentStart: async (message: object) => void calls.push(["start", message])
  };
  // The router knows a namespace by the name of its class.
  class DurableObjectNamespace {
    readonly where: string;
    constructor(where = "") {
      this.where = where;
    }
    idFromName = (name: string) => `${this.where}${name}`;
    get = (id: string, options?: object) => (calls.push(["get", id, options]), stub);
    jurisdiction = (where: string) => new DurableObjectNamespace(`${where}/`);
  }
  return { namespace: new DurableObjectNamespace() as unknown as typeof env.Recorder, calls };
}

describe("[R6] what reaches an instance", () => {
  it("is the request alone: the platform tells it its name", async () => {
    const { namespace, calls } = watched();
    await route("/agents/recorder/a", {}, {}, { Recorder: namespace });
    await route("/agents/recorder/b", { cors: true, onBeforeConnect: () => {} }, upgrade, { Recorder: namespace });
    await getAgentByName(namespace, "c");
    expect(calls).toEqual([
      ["get", "a", undefined],
      ["fetch", "/agents/recorder/a"],
      ["get", "b", undefined],
      ["fetch", "/agents/recorder/b"],
      ["get", "c", undefined]
    ]);
  });

  it("is one message before it, when there are props or a name that the platform does not keep", async () => {
    const { namespace, calls } = watched();
    const long = "ü".repeat(513);
    await route("/agents/recorder/a", { props: { who: "me" } }, {}, { Recorder: namespace });
    await getAgentByName(namespace, long);
    await getAgentByName(namespace, "ü".repeat(512));
    expect(calls.filter(([call]) => call !== "get")).toEqual([
      ["start", { props: { who: "me" } }],
      ["fetch", "/agents/recorder/a"],
      ["start", { name: long }]
    ]);
  });

  // proves routing#locationHint, routing#jurisdiction
  it("goes where the options of the route say", async () => {
    const { namespace, calls } = watched();
    await route("/agents/recorder/a", { locationHint: "enam", jurisdiction: "eu" }, {}, { Recorder: namespace });
    expect(calls).toEqual([
      ["get", "eu/a", { locationHint: "enam" }],
      ["fetch", "/agents/recorder/a"]
    ]);
  });

  // proves routing#locations
  it.each(["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const)(
    "may be near %s",
    async (locationHint) => {
      const stub = await getAgentByName(env.Recorder, `near-${locationHint}`, { locationHint });
      expect(await stub.plain()).toBe(0);
    }
  );

  // proves routing#request, routing#methods, routing#sub-path
  it("is the request as it came: method, headers, query, body", async () => {
    const seen = vi.fn(async (request: Request) =>
      Response.json([request.method, request.headers.get("X-A"), new URL(request.url).search, await request.text()])
    );
    const stub = env.Recorder.get(env.Recorder.idFromName("as-it-came"));
    await runInDurableObject(stub, (agent) => void (agent.onRequest = seen as never));
    const init = { method: "PATCH", headers: { "X-A": "a" }, body: "body" };
    const response = await route("/agents/recorder/as-it-came/sub/path?x=1&y=%C3%BC", {}, init);
    expect(await response?.json()).toEqual(["PATCH", "a", "?x=1&y=%C3%BC", "body"]);
  });
});

describe("[R5] props", () => {
  // proves routing#props, routing#props-byName, routing#props-onStart
  it.each([
    ["not ASCII", { who: "Jürgen 日本 🎉 \u2028 \u0000" }],
    ["nested", { who: "me", config: { maxRetries: 3, tags: ["a", null, undefined], deep: [[[{}]]] } }],
    ["large", { who: "x".repeat(500_000) }],
    ["empty", {}]
  ])("that are %s arrive as they are, by route and by name", async (kind, props) => {
    await route(`/agents/starter/props-${kind.replaceAll(" ", "-")}-http`, { props });
    await route(`/agents/starter/props-${kind.replaceAll(" ", "-")}-socket`, { props }, upgrade);
    await getAgentByName(env.Starter, `props-${kind.replaceAll(" ", "-")}-name`, { props });
    for (const way of ["http", "socket", "name"]) {
      const id = env.Starter.idFromName(`props-${kind.replaceAll(" ", "-")}-${way}`);
      expect(await runInDurableObject(env.Starter.get(id), (agent) => agent.props), way).toEqual(props);
    }
  });

  it("cannot be sent by a client: no header and no query sets them", async () => {
    const headers = { "x-agents-props": "eyJ3aG8iOiJtZSJ9", "x-partykit-props": '{"who":"me"}', props: '{"who":"me"}' };
    await route("/agents/starter/forged?props=%7B%22who%22%3A%22me%22%7D", {}, { headers });
    const stub = env.Starter.get(env.Starter.idFromName("forged"));
    expect(await runInDurableObject(stub, ({ props }) => props)).toBe(undefined);
  });
});

describe("[R7] a path of one's own", () => {
  /** The Worker of the documentation: the session says which instance it is. */
  async function worker(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/user" || url.pathname.startsWith("/user/")) {
      const agent = await getAgentByName(env.Recorder, request.headers.get("Cookie") ?? "nobody");
      return agent.fetch(request);
    }
    if (url.pathname.startsWith("/chat/")) {
      const agent = await getAgentByName(env.Recorder, url.pathname.replace("/chat/", ""));
      return agent.fetch(request);
    }
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
  const visit = (address: AgentAddress, init?: RequestInit, transport: "ws" | "http" = "http") =>
    worker(new Request(agentUrl({ host: "test", ...address }, transport).replace(/^ws/, "http"), init));

  // proves routing#server-selects, routing#identity, routing-older#basePath-exact, routing-older#http-and-websocket
  it("leads a client with basePath to the instance that the server chose, and tells it which", async () => {
    const headers = { ...upgrade.headers, Cookie: "user-123" };
    const response = await visit({ agent: "UserAgent", basePath: "user" }, { headers }, "ws");
    const connection = new TestConnection(response.webSocket!);
    expect(await connection.next("cf_agent_identity")).toEqual({
      type: "cf_agent_identity",
      name: "user-123",
      agent: "recorder"
    });
    expect(await connection.call("set", 4)).toMatchObject({ result: 4 });
  });

  // proves routing#sub-path, routing#whole-url, routing-older#path-with-basePath, routing-older#path-with-name
  // proves routing-older#http-and-websocket
  it("may go on behind the instance, with basePath and without", async () => {
    const paths: string[] = [];
    const stub = env.Recorder.get(env.Recorder.idFromName("room"));
    await runInDurableObject(stub, (agent) => {
      agent.onRequest = (request) => (paths.push(new URL(request.url).pathname), new Response("ok"));
    });
    await visit({ agent: "Recorder", basePath: "user", path: "settings" }, { headers: { Cookie: "room" } });
    await visit({ agent: "Recorder", name: "room", path: "/settings/deep" });
    expect(paths).toEqual(["/user/settings", "/agents/recorder/room/settings/deep"]);
  });

  // proves routing#path-names-instance
  it("may name the instance itself, and leaves the others alone", async () => {
    expect(await (await visit({ agent: "x", basePath: "chat/general" })).json()).toMatchObject({ name: "general" });
    expect(await (await visit({ agent: "Recorder", name: "a" })).json()).toMatchObject({ name: "a" });
    expect((await visit({ agent: "x", basePath: "nowhere" })).status).toBe(404);
  });
});

describe("[R8] a name", () => {
  // proves routing#name
  it("that is no text, or an empty one, is an error before anything is asked", async () => {
    for (const name of ["", undefined, 7]) {
      const error = await errorOf(() => getAgentByName(env.Recorder, name as string));
      expect(error).toMatchObject({ code: "AGENT_NAME_UNKNOWN" });
    }
  });

  it("that is given as text is not decoded", async () => {
    const stub = await getAgentByName(env.Recorder, "with%20percent");
    expect(await runInDurableObject(stub, ({ name }) => name)).toBe("with%20percent");
  });

  // proves routing#dynamic-names
  it(
    `comes out of the router as it went into the client, whatever is in it (${fuzzSeeds} seeds)`,
    async () => {
      const parts = ["a", "Z", "9", "-", "_", ".", "~", " ", "/", "\\", "?", "#", "%", "%2F", "+", "&", "=", ":", "@"];
      parts.push("ü", "日", "🎉", "\u0000", "\n", '"', "'", "<", "{", "|", "\u202e", ";", ",", "(", "[", "^", "`");
      const prefixes = ["agents", "/api/agents/", "v1"];
      await eachSeed(async (random) => {
        const name = Array.from({ length: 1 + random.below(12) }, () => random.pick(parts)).join("");
        if (name === "." || name === "..") return;
        const { namespace, calls } = watched();
        const prefix = random.pick(prefixes);
        const path = random.pick(["x", undefined]);
        const url = agentUrl({ agent: "ChatRoom", name, host: "test", prefix, path }, "http");
        await routeAgentRequest(new Request(url), { ChatRoom: namespace }, { prefix });
        expect(calls[0], JSON.stringify(name)).toEqual(["get", name, undefined]);
      });
    },
    fuzzTimeoutMs(5_000)
  );

  it(
    `is found in a URL as a parser finds it, however the URL is written (${fuzzSeeds} seeds)`,
    async () => {
      const parts = ["agents", "chat-room", "ChatRoom", "one", "/", "/", "/", "\\", ".", "..", "%2e", "%", "%61", "//"];
      parts.push("?", "#", "\t", "\n", " ", "@", ":", "ü", "~", "_pk=1");
      // Which agents there are is logged for each that there is not.
      await logged(() =>
        eachSeed(async (random) => {
          const starts = [
            "https://test/",
            "http://a@test:80/agents/",
            "http://test/x/",
            "http://test\\x/",
            "HTTP:test/"
          ];
          const ends = ["", "one", "chat-room/one", "agents/chat-room/one", "chat-room/one/..", "chat-room/.."];
          const middle = Array.from({ length: random.below(4) }, () => random.pick(parts)).join("");
          const url = random.pick(starts) + middle + random.pick(ends);
          // As text, where `new Request` would have written it anew.
          const found = (text: string) =>
            routeAgentRequest(
              { url: text, method: "GET", headers: new Headers() } as Request,
              { ChatRoom: watched().namespace },
              { onBeforeRequest: (_, lobby) => Response.json(lobby) }
            );
          // A slash at the end makes no difference, but to the reader: the URL is none of the plain ones then.
          const { origin, pathname } = new URL(url);
          const [ours, theirs] = [await found(url), await found(`${origin}${pathname}/`)];
          expect(ours?.status, url).toBe(theirs?.status);
          expect(await ours?.text(), url).toBe(await theirs?.text());
        })
      );
    },
    fuzzTimeoutMs(5_000)
  );
});
