import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { getAgentByName } from "../../index";
import { errorOf, evict, logged } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { ask, begin, call, Events, get, initialize, post, request, url } from "../../test/mcp-kit";
import type { McpHandler } from "../../mcp";

const handler = Toolbox.serve("/mcp");

/** The status of an answer, and the code of its error. */
async function refusal(answer: Promise<Response>): Promise<[status: number, code?: number, id?: unknown]> {
  const response = await answer;
  const body = await response.text();
  if (body === "") return [response.status];
  const { error, id } = JSON.parse(body) as { error?: { code: number }; id?: unknown };
  return [response.status, error?.code, id];
}

/** The text that a tool answers, by raw HTTP. */
async function result(answer: Promise<Response>): Promise<unknown> {
  const { message } = await new Events(await answer).message();
  const { content } = message.result as { content: { text: string }[] };
  return content[0]?.text;
}

const add = (headers: Record<string, string>, on: McpHandler = handler) =>
  result(ask(on, post(call(7, "add", { a: 1 }), headers)));

const drop = (headers: Record<string, string>) => new Request(url, { method: "DELETE", headers });

describe("a session", () => {
  it("begins with initialize, has an id that nobody guesses, and answers with the version that both speak", async () => {
    const response = await ask(handler, post(initialize("i", {}, "2025-03-26")));
    expect(response.headers.get("mcp-session-id")).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/);
    expect(await response.json()).toMatchObject({ id: "i", result: { protocolVersion: "2025-03-26" } });
    expect(await refusal(ask(handler, post(initialize(1), await begin(handler))))).toEqual([400, -32600, 1]);
  });

  it("is asked for by its id, and by no other", async () => {
    const requests = (headers: Record<string, string>) => [
      post(call(1, "add", { a: 1 }), headers),
      get(headers),
      drop(headers)
    ];
    for (const one of requests({})) expect(await refusal(ask(handler, one))).toEqual([400, -32000, null]);
    for (const id of [crypto.randomUUID(), "streamable-http:x", "../x", "x".repeat(300)]) {
      for (const one of requests({ "mcp-session-id": id })) {
        expect(await refusal(ask(handler, one))).toEqual([404, -32001, null]);
      }
    }
  });

  it("ends when its client says so, with everything that was in it", async () => {
    const headers = await begin(handler);
    const listening = new Events(await ask(handler, get(headers)));
    await listening.next();
    expect(await add(headers)).toBe("1");
    expect((await ask(handler, drop(headers))).status).toBe(204);
    expect(await listening.next()).toBeUndefined();
    for (const one of [post(call(1, "add", { a: 1 }), headers), get(headers), drop(headers)]) {
      expect(await refusal(ask(handler, one))).toEqual([404, -32001, null]);
    }
  });

  it("answers nobody who has signed in as somebody else", async () => {
    const ada = { userId: "ada", token: "1" };
    const headers = await begin(handler, { props: ada });
    const who = () => post(call(1, "whoami"), headers);
    expect(await result(ask(handler, who(), { userId: "ada", token: "2" }))).toMatch(/^ada in/);
    for (const props of [{ userId: "bob" }, {}, undefined]) {
      expect(await refusal(ask(handler, who(), props))).toEqual([404, -32001, null]);
      expect(await refusal(ask(handler, drop(headers), props))).toEqual([404, -32001, null]);
    }
    const anonymous = await begin(handler);
    expect(await refusal(ask(handler, post(call(1, "whoami"), anonymous), ada))).toEqual([404, -32001, null]);
  });

  it("is over when nobody has used it for a month", async () => {
    const shared = Toolbox.serve("/mcp", { name: () => "months" });
    const stub = env.Toolbox.get(env.Toolbox.idFromName("months"));
    const [left, used] = [await begin(shared), await begin(shared)];
    const days = 24 * 60 * 60_000;
    await stub.age(left["mcp-session-id"]!, 31 * days);
    await stub.age(used["mcp-session-id"]!, 29 * days);
    await evict(stub);
    expect(await add(used, shared)).toBe("1");
    await stub.age(left["mcp-session-id"]!, 0);
    expect(await refusal(ask(shared, post(call(1, "add", { a: 1 }), left)))).toEqual([404, -32001, null]);
    // Its use was noted.
    expect(await stub.idleMs(used["mcp-session-id"]!)).toBeLessThan(days);
    expect(await stub.rows()).toMatchObject({ sessions: 1 });
  });

  it("is that of whoever the application says", async () => {
    const own = Toolbox.serve("/mcp", { identity: (incoming) => incoming.headers.get("x-who") ?? undefined });
    const headers = await begin(own);
    expect(await refusal(ask(own, post(call(1, "whoami"), { ...headers, "x-who": "eve" })))).toEqual([
      404,
      -32001,
      null
    ]);
    expect(await result(ask(own, post(call(1, "whoami"), headers)))).toMatch(/^anonymous/);
  });
});

describe("what is not allowed has the status and the error of the specification, and harms no session", () => {
  const big = JSON.stringify(call(1, "echo", { text: "x".repeat(4 * 1024 * 1024) }));
  it.each<[what: string, make: (headers: Record<string, string>) => Request, expected: unknown[]]>([
    ["too long a body", (headers) => post(big, headers), [413, -32000, null]],
    ["no JSON", (headers) => post("{", headers), [400, -32700, null]],
    ["no message", (headers) => post({ id: 1 }, headers), [400, -32600, 1]],
    [
      "another type",
      (headers) => post(call(1, "add"), { ...headers, "Content-Type": "text/plain" }),
      [415, -32000, null]
    ],
    [
      "a client that takes no events",
      (headers) => post(call(1, "add"), { ...headers, Accept: "application/json" }),
      [406, -32000, null]
    ],
    ["a GET that takes none", (headers) => get({ ...headers, Accept: "text/html" }), [406, -32000, null]],
    ["another method", (headers) => new Request(url, { method: "PUT", headers }), [405, -32000, null]],
    [
      "a page of another origin",
      (headers) => post(call(1, "add"), { ...headers, Origin: "https://evil.example" }),
      [403, -32000, null]
    ],
    [
      "an unknown version",
      (headers) => post(call(1, "add"), { ...headers, "mcp-protocol-version": "1999-01-01" }),
      [400, -32000, null]
    ],
    [
      "a batch, of a version without",
      (headers) => post([call(1, "add")], { ...headers, "mcp-protocol-version": "2025-06-18" }),
      [400, -32600, null]
    ],
    ["an event id that is none", (headers) => get({ ...headers, "Last-Event-ID": "what?" }), [400, -32000, null]],
    ["a stream of somebody else", (headers) => get({ ...headers, "Last-Event-ID": "99-1" }), [400, -32000, null]]
  ])("%s", async (_what, make, expected) => {
    const headers = await begin(handler);
    expect(await add(headers)).toBe("1");
    expect(await refusal(ask(handler, make(headers)))).toEqual(expected);
    expect(await add(headers)).toBe("2");
  });

  it("elsewhere is nothing, and preflights are answered", async () => {
    const elsewhere = new Request("http://localhost/other", { method: "POST" });
    expect((await ask(handler, elsewhere)).status).toBe(404);
    const cors = Toolbox.serve("/mcp", { corsOptions: { origin: "https://app.example" }, allowedOrigins: ["*"] });
    const preflight = await ask(
      cors,
      new Request(url, { method: "OPTIONS", headers: { Origin: "https://app.example" } })
    );
    expect([preflight.status, preflight.headers.get("Access-Control-Allow-Origin")]).toEqual([
      204,
      "https://app.example"
    ]);
  });

  it("takes as long a message as is allowed, and keeps the answer", async () => {
    const headers = await begin(handler);
    const text = "x".repeat(4 * 1024 * 1024 - 200);
    const events = new Events(await ask(handler, post(call(1, "echo", { text }), headers)));
    const { message, eventId } = await events.message();
    expect((message.result as { content: { text: string }[] }).content[0]?.text === text).toBe(true);
    const [stream] = eventId.split("-");
    const replayed = new Events(await ask(handler, get({ ...headers, "Last-Event-ID": `${stream}-0` })));
    expect((await replayed.message()).message).toEqual(message);
  });

  it("says nothing of what went wrong inside", async () => {
    const unbound = Toolbox.serve("/mcp", { binding: "NOWHERE" });
    let answer: unknown;
    const lines = await logged(async () => (answer = await refusal(ask(unbound, post(initialize())))));
    expect(answer).toEqual([500, -32603, null]);
    expect(String(lines[0]?.[1])).toContain("NOWHERE");
  });
});

describe("an object whose name the application chooses", () => {
  const documents = Toolbox.serve("/docs/:doc/mcp", {
    name: (incoming) => `doc:${new URL(incoming.url).pathname.split("/")[2]}`
  });
  const at = (doc: string, plain: Request) => new Request(`http://localhost/docs/${doc}/mcp`, plain);

  it("outlives sessions, and is shared by them", async () => {
    const join = async (doc: string) => {
      const response = await ask(documents, at(doc, post(initialize())));
      return { "mcp-session-id": response.headers.get("mcp-session-id")! };
    };
    const addTo = (doc: string, headers: Record<string, string>) =>
      result(ask(documents, at(doc, post(call(1, "add", { a: 1 }), headers))));
    const [first, second] = [await join("a"), await join("a")];
    expect([await addTo("a", first), await addTo("a", second)]).toEqual(["1", "2"]);
    expect((await ask(documents, at("a", drop(first)))).status).toBe(204);
    expect(await refusal(ask(documents, at("a", post(call(1, "add"), first))))).toEqual([404, -32001, null]);
    expect(await addTo("a", second)).toBe("3");
    expect(await refusal(ask(documents, at("b", post(call(1, "add"), second))))).toEqual([404, -32001, null]);
  });

  // proves mcp-agent#props, mcp-governance#identity
  it("gives each client its own answers, capabilities and props, although their ids are equal", async () => {
    const shared = Toolbox.serve("/mcp", { name: () => "shared" });
    const ada = await begin(shared, { capabilities: { elicitation: {} }, props: { userId: "ada" } });
    const bob = await begin(shared, { props: { userId: "bob" } });
    const [one, two] = await Promise.all([
      result(ask(shared, post(call(1, "whoami"), ada), { userId: "ada" })),
      result(ask(shared, post(call(1, "whoami"), bob), { userId: "bob" }))
    ]);
    expect([one, two]).toEqual(["ada in shared", "bob in shared"]);
    const asking = new Events(await ask(shared, post(call(2, "ask", { first: "?" }), ada), { userId: "ada" }));
    const { message } = await asking.message();
    expect(message.method).toBe("elicitation/create");
    expect(await result(ask(shared, post(call(2, "elicit"), bob), { userId: "bob" }))).toContain("does not support");
    // Who was not asked cannot answer.
    const answer = { jsonrpc: "2.0", id: message.id, result: { action: "accept", content: { value: "mine" } } };
    await ask(shared, post(answer, bob), { userId: "bob" });
    await ask(shared, post({ ...answer, result: { action: "decline" } }, ada), { userId: "ada" });
    expect((await asking.message()).message).toMatchObject({ id: 2, result: { content: [{ text: "decline" }] } });
  });
});

it("is nobody's where no client's code runs and several share the object", async () => {
  const shared = Toolbox.serve("/mcp", { name: () => "whose" });
  const stub = env.Toolbox.get(env.Toolbox.idFromName("whose"));
  await begin(shared, { props: { userId: "ada" } });
  expect(await stub.props).toEqual({ userId: "ada" });
  await begin(shared, { props: { userId: "bob" } });
  expect(await stub.props).toBeUndefined();
  expect((await errorOf(() => stub.askSomebody())).message).toContain("Nobody is there to answer");
});

describe("a server that is closed", () => {
  const listen = async (on: McpHandler, headers: Record<string, string>) => {
    const events = new Events(await ask(on, get(headers)));
    await events.next();
    return events;
  };

  it("in a tool ends the session of the client, and no other", async () => {
    const shared = Toolbox.serve("/mcp", { name: () => "hangs up" });
    const [left, stays] = [await begin(shared), await begin(shared)];
    const [gone, open] = [await listen(shared, left), await listen(shared, stays)];
    const calling = new Events(await ask(shared, post(call(1, "hang up"), left)));
    await calling.next();
    expect([await calling.next(), await gone.next()]).toEqual([undefined, undefined]);
    expect(await refusal(ask(shared, post(call(2, "add", { a: 1 }), left)))).toEqual([404, -32001, null]);
    expect(await add(stays, shared)).toBe("1");
    const stub = env.Toolbox.get(env.Toolbox.idFromName("hangs up"));
    await stub.announce();
    expect((await open.message()).message.method).toBe("notifications/tools/list_changed");
    expect(await stub.rows()).toMatchObject({ sessions: 1, calls: 0 });
  });

  it("elsewhere ends all sessions, and serves new ones with the state that there was", async () => {
    const shared = Toolbox.serve("/mcp", { name: () => "closes" });
    const sessions = [await begin(shared), await begin(shared)];
    const streams = [await listen(shared, sessions[0]!), await listen(shared, sessions[1]!)];
    await add(sessions[0]!, shared);
    await env.Toolbox.get(env.Toolbox.idFromName("closes")).hangUp();
    for (const stream of streams) expect(await stream.next()).toBeUndefined();
    for (const one of sessions) expect((await refusal(ask(shared, get(one))))[0]).toBe(404);
    expect(await add(await begin(shared), shared)).toBe("2");
  });
});

it("leaves nothing where no session has begun", async () => {
  const idsOf = async () => (await listDurableObjectIds(env.Toolbox)).map(String);
  const before = await idsOf();
  Toolbox.failures = 1;
  await logged(async () => {
    expect(await refusal(ask(handler, post(initialize(1))))).toEqual([500, -32603, null]);
  });
  const [made] = (await idsOf()).filter((id) => !before.includes(id));
  const tables = await runInDurableObject(env.Toolbox.get(env.Toolbox.idFromString(made!)), (_, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_schema WHERE name LIKE 'cf_agents%'").toArray()
  );
  expect(tables).toEqual([]);
});

it("begins at the second attempt when the tools could not be made at the first, in the same life", async () => {
  const { inits } = Toolbox;
  Toolbox.failures = 1;
  const stubborn = Toolbox.serve("/mcp", { name: () => "stubborn" });
  await logged(async () => {
    expect(await refusal(ask(stubborn, post(initialize(1))))).toEqual([500, -32603, null]);
  });
  expect(await add(await begin(stubborn), stubborn)).toBe("1");
  expect(Toolbox.inits - inits).toBe(2);
});

// proves routing#McpAgent-props
it("has the props that it was started with, until there is a session, whose props are its own", async () => {
  const name = "started";
  const byName = () => getAgentByName(env.Toolbox, name, { props: { userId: "ada" } });
  expect(await (await byName()).props).toEqual({ userId: "ada" });
  const stub = env.Toolbox.get(env.Toolbox.idFromName(name));
  await evict(stub);
  expect(await stub.props).toEqual({ userId: "ada" });
  const started = Toolbox.serve("/mcp", { name: () => name });
  expect(await result(ask(started, post(call(1, "whoami"), await begin(started))))).toBe("anonymous in started");
});

it("answers a batch on one stream, of a version that has batches", async () => {
  const headers = await begin(handler, { version: "2025-03-26" });
  const batch = [call(1, "add", { a: 1 }), { jsonrpc: "2.0", method: "notifications/initialized" }, request(2, "ping")];
  const events = new Events(await ask(handler, post(batch, headers)));
  const ids = new Set([(await events.message()).message.id, (await events.message()).message.id]);
  expect(ids).toEqual(new Set([1, 2]));
  expect(await events.next()).toBeUndefined();
});

it("answers no batch of a session that has agreed on a version without", async () => {
  const headers = await begin(handler, { version: "2025-06-18" });
  expect(await refusal(ask(handler, post([call(1, "add", { a: 1 })], headers)))).toEqual([400, -32600, null]);
});
