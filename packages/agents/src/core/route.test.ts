import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { getAgentByName, routeAgentRequest, type Lobby, type RouteOptions } from "../index";
import { errorOf, logged, TestConnection } from "../test/kit";
import { findNamespaceInAnyCase } from "./route";

const route = (path: string, options?: RouteOptions, init?: RequestInit, bindings: object = env) =>
  routeAgentRequest(new Request(`http://test${path}`, init), bindings, options);
const upgrade = { headers: { Upgrade: "websocket" } };
/** The name of the instance that answered, which is a `Recorder`. */
const answeredBy = async (response: Promise<Response | undefined>) =>
  ((await (await response)?.json()) as { name: string } | undefined)?.name;

describe("[R1] the path", () => {
  // proves routing#url, routing#prefix, routing#response, add-to-existing-project#prefix
  it.each([
    ["/agents/recorder/a", undefined],
    ["/agents/recorder/a/", undefined],
    ["/agents/recorder/a/sub/path?query=1", undefined],
    ["//agents//recorder//a", undefined],
    ["/api/recorder/a", "api"],
    ["/api/recorder/a", "/api/"],
    ["/api/v1/recorder/a", "api/v1"],
    ["/api/v1/recorder/a", "//api/v1//"],
    ["/recorder/a", ""],
    ["/recorder/a", "/"]
  ])("%s with the prefix %j leads to the instance", async (path, prefix) =>
    expect(await answeredBy(route(path, prefix === undefined ? {} : { prefix }))).toBe("a")
  );

  // proves routing#undefined
  it.each([
    ["/", undefined],
    ["/agents", undefined],
    ["/agents/recorder", undefined],
    ["/agents/recorder/", undefined],
    ["/other/recorder/a", undefined],
    ["/Agents/recorder/a", undefined],
    ["/agentsrecorder/a/b", undefined],
    ["/agents/recorder/a", "api"],
    ["/api/recorder/a", "api/v1"]
  ])("%s with the prefix %j is none of ours", async (path, prefix) =>
    expect(await route(path, prefix === undefined ? {} : { prefix })).toBe(undefined)
  );

  // proves routing#dynamic-names
  it.each([
    ["with%20space", "with space"],
    ["slash%2Finside", "slash/inside"],
    ["%C3%BC", "ü"],
    ["100%25", "100%"],
    ["a+b", "a+b"]
  ])("with the name %s leads to %j", async (encoded, name) =>
    expect(await answeredBy(route(`/agents/recorder/${encoded}`))).toBe(name)
  );

  it.each(["/agents/recorder/%", "/agents/recorder/%zz", "/agents/recorder/%E0%A4%A"])(
    "%s is a bad request",
    async (path) => {
      const response = await route(path);
      expect([response?.status, await response?.text()]).toEqual([400, "Invalid request"]);
    }
  );
});

describe("[R2] the agent", () => {
  const bindings = { AIAssistant: env.Recorder, LOUD_AGENT: env.Recorder, ChatRoom: env.Recorder };

  // proves routing#urls, routing#kebab, routing#acronym, routing#original-name
  it.each(["ai-assistant", "a-i-assistant", "AIAssistant", "loud-agent", "LOUD_AGENT", "chat-room", "ChatRoom"])(
    "is found as %s",
    async (agent) => expect(await answeredBy(route(`/agents/${agent}/a`, {}, {}, bindings))).toBe("a")
  );

  // proves routing#env
  it("is found by its binding and by the class that the Worker exports", async () => {
    const statuses = ["heir-of-all", "HEIR_OF_ALL", "heir", "Heir"].map(
      async (agent) => (await route(`/agents/${agent}/a`))?.status
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 200, 200]);
  });

  // proves routing#namespace-not-found, add-to-existing-project#not-found
  it("that there is not is a bad request; the log, not the answer, lists those that there are", async () => {
    let response: Response | undefined;
    const log = await logged(async () => (response = await route("/agents/nope/a")));
    expect([response?.status, await response?.text()]).toEqual([400, "Invalid request"]);
    expect(log.join("\n")).toMatch(/No agent "nope".*\bblank, .*\bheir-of-all, .*\brecorder, /);
  });

  it.each(["__proto__", "constructor", "toString", "%E0%A4%A"])("%s is no agent", async (agent) => {
    await logged(async () => expect((await route(`/agents/${agent}/a`))?.status).toBe(400));
  });

  it("is only what is a namespace of Durable Objects", async () => {
    const others = { text: "text", nothing: null, fake: { idFromName: () => ({}), get: () => ({}) }, env };
    for (const agent of Object.keys(others)) {
      await logged(async () => expect((await route(`/agents/${agent}/a`, {}, {}, others))?.status).toBe(400));
    }
  });

  it("answers what it does not handle with 404 Not implemented", async () => {
    const response = await route("/agents/blank/a");
    expect([response?.status, await response?.text()]).toEqual([404, "Not implemented"]);
  });
});

describe("[R3] CORS", () => {
  const headers = (response: Response | undefined) =>
    Object.fromEntries([...(response?.headers ?? [])].filter(([name]) => name.startsWith("access-control-")));
  const permissive = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, HEAD, OPTIONS",
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400"
  };

  it("is off unless asked for", async () => {
    expect(headers(await route("/agents/recorder/a"))).toEqual({});
    expect(headers(await route("/agents/recorder/a", { cors: false }))).toEqual({});
  });

  // proves routing#cors
  it.each(["/agents/recorder/a", "/agents/nope/a", "/agents/blank/a"])("true allows everything on %s", async (path) => {
    await logged(async () => expect(headers(await route(path, { cors: true }))).toEqual(permissive));
  });

  // proves routing#cors-headers
  it("can be the headers themselves, which replace the permissive ones", async () => {
    const cors = { "Access-Control-Allow-Origin": "https://app.example" };
    expect(headers(await route("/agents/recorder/a", { cors }))).toEqual({
      "access-control-allow-origin": "https://app.example"
    });
  });

  // proves routing#cors-other-origin
  it("answers OPTIONS without waking the agent", async () => {
    const before = vi.fn();
    const response = await route("/agents/recorder/a", { cors: true, onBeforeRequest: before }, { method: "OPTIONS" });
    expect([response?.status, headers(response), await response?.text(), before.mock.calls]).toEqual([
      200,
      permissive,
      "",
      []
    ]);
  });

  it("leaves OPTIONS to the agent when it is off", async () => {
    expect(await (await route("/agents/recorder/a", {}, { method: "OPTIONS" }))?.json()).toMatchObject({
      context: { request: "OPTIONS" }
    });
  });

  it("keeps status, body and headers of the answer, and wins over its own", async () => {
    const answer = new Response(null, {
      status: 204,
      headers: { "X-Own": "1", "Access-Control-Allow-Origin": "null" }
    });
    const response = await route("/agents/recorder/a", { cors: true, onBeforeRequest: () => answer });
    expect([response?.status, response?.headers.get("X-Own"), headers(response)]).toEqual([204, "1", permissive]);
  });

  it("are added to what the answer varies by already", async () => {
    const answer = new Response(null, { headers: { Vary: "Accept", "Access-Control-Allow-Origin": "nobody" } });
    const cors = { "Access-Control-Allow-Origin": "https://app.example", Vary: "Origin" };
    const response = await route("/agents/recorder/a", { cors, onBeforeRequest: () => answer });
    expect(response?.headers.get("Vary")).toBe("Accept, Origin");
    expect(response?.headers.get("Access-Control-Allow-Origin")).toBe("https://app.example");
  });

  // proves routing#websocket-unchanged, routing#identity, routing-older#http-and-websocket
  // proves add-to-existing-project#response-unchanged
  it("leaves the answer to a WebSocket as it is", async () => {
    const response = await route("/agents/recorder/a", { cors: true }, upgrade);
    expect([response?.status, headers(response)]).toEqual([101, {}]);
    const connection = new TestConnection(response!.webSocket!);
    expect(await connection.next("cf_agent_identity")).toMatchObject({ name: "a", agent: "recorder" });
  });
});

describe("[R4] a hook", () => {
  const hooks = (answer: (request: Request, lobby: Lobby) => Response | Request | void) => {
    const onBeforeRequest = vi.fn(answer);
    const onBeforeConnect = vi.fn(answer);
    return { onBeforeRequest, onBeforeConnect };
  };

  // proves routing#onBeforeConnect, routing#onBeforeRequest, routing#hook-nothing
  it("is told of the request and of whom it is for, each of its kind", async () => {
    const both = hooks(() => {});
    await route("/agents/recorder/a%20b", both);
    await route("/agents/recorder/c", both, upgrade);
    expect(both.onBeforeRequest.mock.calls.map(([{ url }, lobby]) => [url, lobby])).toEqual([
      ["http://test/agents/recorder/a%20b", { className: "Recorder", name: "a b" }]
    ]);
    expect(both.onBeforeConnect.mock.calls.map(([, lobby]) => lobby)).toEqual([{ className: "Recorder", name: "c" }]);
  });

  // proves routing#hook-response
  it("that returns a Response answers with it, and the agent is not started", async () => {
    const both = hooks(() => new Response("no", { status: 401 }));
    for (const init of [{}, upgrade]) {
      const response = await route("/agents/starter/never-refused", both, init);
      expect([response?.status, await response?.text()]).toEqual([401, "no"]);
    }
    const stub = env.Starter.get(env.Starter.idFromName("never-refused"));
    expect(await runInDurableObject(stub, ({ attempts }) => attempts)).toBe(0);
  });

  // proves routing#hook-request
  it("that returns a Request has it handed over instead", async () => {
    const replace = hooks((request) => new Request(`${request.url}?readonly`, request));
    const response = await route("/agents/recorder/replaced", replace, { ...upgrade });
    const connection = new TestConnection(response!.webSocket!);
    expect(await connection.call("set", 1)).toMatchObject({ error: "Connection is readonly" });
    const post = hooks((request) => new Request(request, { method: "POST" }));
    expect(await (await route("/agents/recorder/replaced", post))?.json()).toMatchObject({
      context: { request: "POST" }
    });
  });

  it("may take its time", async () => {
    const response = route("/agents/recorder/a", { onBeforeRequest: async () => new Response("later") });
    expect(await (await response)?.text()).toBe("later");
  });

  it("that throws lets nobody in", async () => {
    const onBeforeRequest = () => Promise.reject(new Error("no database"));
    expect((await errorOf(() => route("/agents/recorder/a", { onBeforeRequest }))).message).toBe("no database");
  });
});

describe("[R5] props", () => {
  const starts = (name: string) =>
    runInDurableObject(env.Recorder.get(env.Recorder.idFromName(name)), ({ seen }) =>
      seen.filter(({ event }) => event === "start")
    );

  // proves agents-api#onStart-props, routing#props
  it("reach onStart through a route, by request and by WebSocket", async () => {
    await route("/agents/recorder/props-http", { props: { who: "http" } });
    await route("/agents/recorder/props-socket", { props: { who: "socket" } }, upgrade);
    expect([await starts("props-http"), await starts("props-socket")]).toEqual([
      [{ event: "start", detail: "http" }],
      [{ event: "start", detail: "socket" }]
    ]);
  });

  // proves routing#props-byName, routing#props-onStart, store-and-sync-state#props-are-not-state
  it("of a later call do not start again, nor change anything", async () => {
    for (const who of ["first", "second"]) await getAgentByName(env.Recorder, "props-once", { props: { who } });
    expect(await starts("props-once")).toEqual([{ event: "start", detail: "first" }]);
  });

  it("of another instance are not seen", async () => {
    await getAgentByName(env.Recorder, "props-one", { props: { who: "one" } });
    await route("/agents/recorder/props-other");
    expect(await starts("props-other")).toEqual([{ event: "start", detail: undefined }]);
  });

  it("may be whatever can be cloned", async () => {
    const props = { when: new Date(0), map: new Map([["a", 1n]]) };
    const stub = await getAgentByName(env.Starter, "props-cloned", { props });
    const seen = await runInDurableObject(stub, ({ props: received }) => received);
    expect(seen).toEqual(props);
  });

  it("that cannot be cloned are a typed error", async () => {
    const error = await errorOf(() =>
      getAgentByName(env.Starter, "props-function", { props: { symbol: Symbol("s") } })
    );
    expect(error).toMatchObject({ name: "AgentError", code: "PROPS_NOT_SERIALIZABLE" });
  });
});

// proves routing#locationHint-byName, routing#jurisdiction-byName, routing#namespace
it("a stub gets its location and jurisdiction from the options", async () => {
  const get = vi.fn(() => "stub");
  const space = { idFromName: (name: string) => `id of ${name}`, get };
  const jurisdiction = vi.fn(() => space);
  const namespace = { ...space, jurisdiction } as unknown as typeof env.Recorder;
  await getAgentByName(namespace, "a", { locationHint: "weur", jurisdiction: "eu" });
  await getAgentByName(namespace, "b");
  expect([jurisdiction.mock.calls, get.mock.calls]).toEqual([
    [["eu"]],
    [
      ["id of a", { locationHint: "weur" }],
      ["id of b", undefined]
    ]
  ]);
});

it.each([
  ["as it is spelled", "front-desk", "FRONT_DESK"],
  ["in another case", "Front-Desk", "FRONT_DESK"],
  ["by its own name", "FrontDesk", "FrontDesk"]
])("of two bindings that are spelled alike, the first is meant: %s", (_, agent, className) => {
  // Of what is not an agent, nothing is meant.
  const bindings = { "front-desk": "a text", FRONT_DESK: env.Recorder, FrontDesk: env.Starter };
  expect(findNamespaceInAnyCase(bindings, agent)?.className).toBe(className);
});
