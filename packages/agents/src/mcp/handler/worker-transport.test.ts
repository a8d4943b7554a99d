import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  ElicitRequestSchema,
  ListRootsResultSchema,
  LoggingMessageNotificationSchema,
  type JSONRPCMessage
} from "@modelcontextprotocol/sdk/types.js";
import { env } from "cloudflare:test";
import { describe, expect, it, onTestFinished } from "vitest";
import { getAgentByName } from "../../index";
import { errorOf, evict, killAll } from "../../test/kit";
import { MemoryEventStore, storeLimits } from "./event-store";
import { createMcpHandler } from "./create-mcp-handler";
import type { TransportState } from "./session";
import { WorkerTransport } from "./worker-transport";

const url = "http://localhost/mcp";
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
let desks = 0;

/** An agent that is a server, and its client. Each request is one of its own, as over the network. */
async function open(prefix = "desk") {
  const name = `${prefix}-${desks++}`;
  const stub = await getAgentByName(env.McpDesk, name);
  const client = new Client({ name: "test", version: "1.0.0" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: "accept",
    content: { by: params.message.length }
  }));
  const logs: unknown[] = [];
  let logged = (_: unknown) => {};
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    logs.push(params.data);
    logged(params.data);
  });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    // A stub does not outlive the instance that it has reached.
    fetch: (to, init) => env.McpDesk.getByName(name).fetch(new Request(to, init)),
    reconnectionOptions: {
      initialReconnectionDelay: 1,
      maxReconnectionDelay: 1,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 5
    }
  });
  // Else it would ask for its stream every millisecond, in all tests that come after.
  onTestFinished(() => client.close());
  await client.connect(transport);
  /** Resolves with the next log message. */
  const nextLog = () => new Promise<unknown>((resolve) => (logged = resolve));
  return { name, stub, client, transport, logs, nextLog };
}

function request(session: string | undefined, init: RequestInit & { message?: unknown; accept?: string } = {}) {
  const { message, accept = "application/json, text/event-stream", headers, ...rest } = init;
  return new Request(url, {
    method: message === undefined ? "GET" : "POST",
    ...rest,
    headers: {
      Accept: accept,
      "Content-Type": "application/json",
      ...(session !== undefined && { "mcp-session-id": session }),
      ...(headers as Record<string, string>)
    },
    ...(message !== undefined && { body: JSON.stringify(message) })
  });
}

const call = (name: string, id: number, args = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args }
});
const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } }
};

interface Event {
  id?: string;
  data?: JSONRPCMessage & { result?: unknown; params?: { data?: unknown } };
}

/** Reads events one after the other. */
function eventsOf(response: Response) {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let buffered = "";
  return {
    async next(): Promise<Event | undefined> {
      while (!buffered.includes("\n\n")) {
        const { value, done } = await reader.read();
        if (done) return undefined;
        buffered += value;
      }
      const end = buffered.indexOf("\n\n");
      const lines = buffered.slice(0, end).split("\n");
      buffered = buffered.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const [id, data] = [field("id"), field("data")];
      return { ...(id !== undefined && { id }), ...(data && { data: JSON.parse(data) as Event["data"] }) };
    },
    cancel: () => reader.cancel()
  };
}

async function refusal(response: Response): Promise<[status: number, code: number]> {
  return [response.status, (await response.json<{ error: { code: number } }>()).error.code];
}

describe("a server in an agent", () => {
  // proves create-mcp-handler#transport, create-mcp-handler#sessionIdGenerator
  it("has the state and the session of the agent", async () => {
    const { name, client, transport } = await open();
    expect(transport.sessionId).toBe(name);
    expect(await client.callTool({ name: "count", arguments: { by: 2 } })).toEqual(text("2"));
    expect(await client.callTool({ name: "count", arguments: { by: 3 } })).toEqual(text("5"));
  });

  // proves create-mcp-handler#stateful-agent
  it("asks its client, and goes on with the answer", async () => {
    const { client } = await open();
    expect(await client.callTool({ name: "ask" })).toEqual(text("accept 12"));
  });

  it("says something unasked to a client that listens", async () => {
    const { stub, nextLog } = await open();
    const heard = nextLog();
    await stub.tell("news");
    expect(await heard).toBe("news");
  });

  // proves create-mcp-handler#stateful-resume, create-mcp-handler#storage, create-mcp-handler#onsessioninitialized
  it("remembers after an eviction what its client can do", async () => {
    const { name, client } = await open();
    await client.callTool({ name: "count", arguments: { by: 1 } });
    await killAll();
    expect(await client.callTool({ name: "ask" })).toEqual(text("accept 12"));
    expect(await client.callTool({ name: "count", arguments: { by: 1 } })).toEqual(text("2"));
    expect(await env.McpDesk.getByName(name).events()).toEqual([`began ${name}`]);
  });

  it("may answer with JSON, and ask over the stream for which the client asked", async () => {
    const { stub, name } = await open("json");
    const listening = eventsOf(await stub.fetch(request(name)));
    await listening.next();
    const answer = stub.fetch(request(name, { message: call("ask", 5) }));
    const { data } = (await listening.next())!;
    expect(data).toMatchObject({ method: "elicitation/create" });
    const { id } = data as { id: number };
    const taken = await stub.fetch(request(name, { message: { jsonrpc: "2.0", id, result: { action: "decline" } } }));
    expect(taken.status).toBe(202);
    expect(await (await answer).json()).toEqual({ jsonrpc: "2.0", id: 5, result: text("decline undefined") });
    await listening.cancel();
  });

  it("drops a call that is cancelled, and ends what waits for its answer", async () => {
    const { stub, name, client } = await open();
    const response = await stub.fetch(request(name, { message: call("wait", 77) }));
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 77 } };
    await stub.fetch(request(name, { message: cancel }));
    expect(await response.text()).not.toContain("result");
    expect(await stub.events()).toContain("aborted");
    expect(await client.ping()).toEqual({});
  });

  it.each(["desk", "json"])("answers with an error what cannot be sent: %s", async (prefix) => {
    const { client } = await open(prefix);
    await expect(client.callTool({ name: "bad answer" })).rejects.toMatchObject({ code: -32603 });
    await expect(client.readResource({ uri: "desk://nothing" })).rejects.toMatchObject({ code: -32603 });
    expect(await client.ping()).toEqual({});
  });

  it("answers two calls with one id each where it was asked", async () => {
    const { stub, name } = await open();
    const [slow, quick] = [
      await stub.fetch(request(name, { message: call("wait", 9) })),
      await stub.fetch(request(name, { message: call("count", 9, { by: 4 }) }))
    ];
    const quickText = await quick.text();
    await stub.release();
    const slowText = await slow.text();
    expect([quickText.includes('"text":"4"'), slowText.includes('"text":"4"')]).toEqual([true, false]);
    expect(slowText).toContain('"id":9');
    expect(slowText).toContain("released");
  });
});

describe("a session", () => {
  it("ends with DELETE, and is then unknown, also after an eviction", async () => {
    const { stub, name, transport } = await open();
    await transport.terminateSession();
    const ping = () => stub.fetch(request(name, { message: { jsonrpc: "2.0", id: 1, method: "ping" } }));
    expect(await refusal(await ping())).toEqual([404, -32001]);
    expect(await stub.events()).toEqual([`began ${name}`, `closed ${name}`]);
    await evict(stub);
    expect(await refusal(await ping())).toEqual([404, -32001]);
    const again = await stub.fetch(request(undefined, { message: initialize }));
    expect([again.status, again.headers.get("mcp-session-id")]).toEqual([200, name]);
    expect((await ping()).status).toBe(200);
  });

  it("begins anew after its end, in the same life and in another one, as if there had been none", async () => {
    const { stub, name, client, transport } = await open();
    const begin = async () => (await stub.fetch(request(undefined, { message: initialize }))).text();
    const count = async () => {
      const response = await stub.fetch(request(name, { message: call("count", 1, { by: 1 }) }));
      return /"text":"(\d+)"/.exec(await response.text())?.[1];
    };
    await transport.terminateSession();
    await begin();
    expect(await count()).toBe("1");
    await client.close();
    await evict(stub);
    await stub.fetch(request(name, { method: "DELETE" }));
    await begin();
    expect([await count(), await stub.events()]).toEqual(["2", [`closed ${name}`, `began ${name}`]]);
  });

  it("answers nobody else than the user who has begun it", async () => {
    const stub = await getAgentByName(env.McpDesk, `of-ada-${desks++}`);
    const as = (user: string, session: string | undefined, message: unknown) =>
      stub.fetch(request(session, { message, headers: { "X-User": user } }));
    const session = (await as("ada", undefined, initialize)).headers.get("mcp-session-id")!;
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    expect((await as("ada", session, ping)).status).toBe(200);
    expect(await refusal(await as("bob", session, ping))).toEqual([404, -32001]);
    expect(await refusal(await stub.fetch(request(session, { message: ping })))).toEqual([404, -32001]);
  });

  it("ends calls that wait for JSON, too", async () => {
    const { stub, name, transport } = await open("json");
    const answer = stub.fetch(request(name, { message: call("wait", 1) }));
    while ((await stub.waiting()) === 0) await stub.waiting();
    await transport.terminateSession();
    expect(await refusal(await answer)).toEqual([404, -32001]);
  });

  it("begins at the second attempt when there was no server at the first", async () => {
    let attempts = 0;
    const transport = new WorkerTransport({ sessionIdGenerator: () => "s" });
    const make = () => {
      if (attempts++ === 0) throw new Error("not yet");
      return new McpServer({ name: "server", version: "1.0.0" });
    };
    const begin = () => createMcpHandler(make, { transport })(request(undefined, { message: initialize }), {});
    expect([(await begin()).status, (await begin()).headers.get("mcp-session-id")]).toEqual([500, "s"]);
  });

  it.each([
    ["a session that is another one", "other", call("count", 1, { by: 1 }), [404, -32001]],
    ["no session", undefined, call("count", 1, { by: 1 }), [400, -32000]],
    ["a second beginning", undefined, initialize, [400, -32600]],
    ["a stream of a session that is another one", "other", undefined, [404, -32001]],
    ["a stream of no session", undefined, undefined, [400, -32000]]
  ])("refuses %s, and is unharmed", async (_name, session, message, expected) => {
    const { stub, client } = await open();
    const response = await stub.fetch(request(session, message && { message }));
    expect(await refusal(response)).toEqual(expected);
    expect(await client.callTool({ name: "count", arguments: { by: 1 } })).toEqual(text("1"));
  });

  it("takes batches if the client speaks a version that has them", async () => {
    const stub = await getAgentByName(env.McpDesk, `old-${desks++}`);
    const params = { ...initialize.params, protocolVersion: "2025-03-26" };
    const begun = await stub.fetch(request(undefined, { message: { ...initialize, params } }));
    const session = begun.headers.get("mcp-session-id")!;
    const batch = [call("count", 1, { by: 1 }), call("count", 2, { by: 1 })];
    const answered = await stub.fetch(request(session, { message: batch }));
    expect((await answered.text()).match(/"result"/g)).toHaveLength(2);
    const { stub: young, name } = await open();
    expect(await refusal(await young.fetch(request(name, { message: batch })))).toEqual([400, -32600]);
  });

  it("has not begun when it could not be stored", async () => {
    let full = true;
    const states: TransportState[] = [];
    const transport = new WorkerTransport({
      sessionIdGenerator: () => "s",
      storage: {
        get: () => states.at(-1),
        set: (state) => {
          if (full) throw new Error("disk full");
          states.push(state);
        }
      }
    });
    await new McpServer({ name: "server", version: "1.0.0" }).connect(transport);
    const begin = () => transport.handleRequest(request(undefined, { message: initialize }));
    const failed = await begin();
    expect([failed.headers.get("mcp-session-id"), await failed.text()]).toEqual([
      null,
      expect.stringContaining("disk full")
    ]);
    full = false;
    await (await begin()).text();
    expect(states).toEqual([
      {
        sessionId: "s",
        initialized: true,
        protocolVersion: "2025-11-25",
        initializeParams: initialize.params
      }
    ]);
  });

  it("has an id that a header can carry", async () => {
    const transport = new WorkerTransport({ sessionIdGenerator: () => "a b" });
    await new McpServer({ name: "server", version: "1.0.0" }).connect(transport);
    const response = await transport.handleRequest(request(undefined, { message: initialize }));
    expect(await refusal(response)).toEqual([500, -32603]);
  });
});

describe("a connection that is cut", () => {
  it("loses no answer: the client comes back for it", async () => {
    const { stub, client } = await open();
    const answer = client.callTool({ name: "leave" });
    while ((await stub.waiting()) === 0) await stub.waiting();
    await stub.release();
    expect(await answer).toEqual(text("came back"));
  });

  it("gets what came after the last event, in order, and then what comes", async () => {
    const { stub, name } = await open();
    const first = eventsOf(await stub.fetch(request(name, { message: call("wait", 1) })));
    const [primed, waiting] = [await first.next(), await first.next()];
    expect([primed?.data, waiting?.data?.params?.data]).toEqual([undefined, "waiting"]);
    await first.cancel();
    const resume = (id: string) => stub.fetch(request(name, { headers: { "Last-Event-ID": id } }));
    const second = eventsOf(await resume(primed!.id!));
    expect(await second.next()).toEqual(waiting);
    await stub.release();
    const answer = await second.next();
    expect([answer?.data?.result, await second.next()]).toEqual([text("released"), undefined]);
    // It was answered; whoever has lost the answer gets it again.
    const third = eventsOf(await resume(waiting!.id!));
    expect([await third.next(), await third.next()]).toEqual([answer, undefined]);
  });

  it("gets what was said unasked meanwhile, and so does a client that has never listened", async () => {
    const name = `deaf-${desks++}`;
    const stub = await getAgentByName(env.McpDesk, name);
    await (await stub.fetch(request(undefined, { message: initialize }))).text();
    await stub.tell("one");
    const first = eventsOf(await stub.fetch(request(name)));
    const events = [await first.next(), await first.next()];
    const one = events.find((event) => event?.data);
    expect(one?.data?.params?.data).toBe("one");
    await first.cancel();
    await stub.tell("two");
    const second = eventsOf(await stub.fetch(request(name, { headers: { "Last-Event-ID": one!.id! } })));
    expect((await second.next())?.data?.params?.data).toBe("two");
    await stub.tell("three");
    expect((await second.next())?.data?.params?.data).toBe("three");
    await second.cancel();
  });

  it("is told when its events are gone", async () => {
    const { stub, name } = await open();
    for (const id of ["nonsense", "s.00000000.1"]) {
      const response = await stub.fetch(request(name, { headers: { "Last-Event-ID": id } }));
      expect(await refusal(response)).toEqual([400, -32000]);
    }
  });
});

describe("events in the database of the agent", () => {
  const resume = (name: string, id: string) =>
    env.McpDesk.getByName(name).fetch(request(name, { headers: { "Last-Event-ID": id } }));

  it.each<[how: string, leave: (stub: DurableObjectStub) => Promise<void>]>([
    ["out of memory", evict],
    ["killed", killAll]
  ])("are there when the agent was %s before its client came back", async (_how, leave) => {
    const name = `durable-${desks++}`;
    const stub = await getAgentByName(env.McpDesk, name);
    await (await stub.fetch(request(undefined, { message: initialize }))).text();
    const first = eventsOf(await stub.fetch(request(name, { message: call("wait", 1) })));
    const [primed, waiting] = [await first.next(), await first.next()];
    await first.cancel();
    await stub.release();
    await stub.tell("meanwhile");
    await leave(stub);
    const again = eventsOf(await resume(name, waiting!.id!));
    expect([(await again.next())?.data?.result, await again.next()]).toEqual([text("released"), undefined]);
    // What it has named, it has got.
    const once = eventsOf(await resume(name, primed!.id!));
    expect([(await once.next())?.data?.result, await once.next()]).toEqual([text("released"), undefined]);
    // Nobody has listened, in no life.
    const listening = eventsOf(await env.McpDesk.getByName(name).fetch(request(name)));
    const told = [await listening.next(), await listening.next()].find((event) => event?.data);
    expect(told?.data?.params?.data).toBe("meanwhile");
    await listening.cancel();
  });

  it("end when nothing more comes, since the call was lost with its instance", async () => {
    const { stub, name } = await open("durable");
    const first = eventsOf(await stub.fetch(request(name, { message: call("wait", 1) })));
    const [primed, waiting] = [await first.next(), await first.next()];
    await killAll();
    const again = eventsOf(await resume(name, primed!.id!));
    expect([await again.next(), await again.next()]).toEqual([waiting, undefined]);
    expect(await refusal(await resume(name, waiting!.id!))).toEqual([400, -32000]);
    expect(await refusal(await resume(name, "a b.1"))).toEqual([400, -32000]);
  });

  it.each(["durable", "desk"])("are not those of the next session: %s", async (prefix) => {
    const name = `${prefix}-${desks++}`;
    const stub = await getAgentByName(env.McpDesk, name);
    await (await stub.fetch(request(undefined, { message: initialize }))).text();
    await stub.tell("secret");
    await stub.fetch(request(name, { method: "DELETE" }));
    await (await stub.fetch(request(undefined, { message: initialize }))).text();
    await stub.tell("new");
    const events = eventsOf(await resume(name, prefix === "durable" ? "unasked.0" : "unasked.x.0"));
    const told = await events.next();
    expect((told?.data ? told : await events.next())?.data?.params?.data).toBe("new");
    await events.cancel();
  });
});

it("a client that went away, and cannot come back, is not asked", async () => {
  const transport = new WorkerTransport();
  const server = new McpServer({ name: "server", version: "1.0.0" });
  let release!: () => void;
  const gone = new Promise<void>((resolve) => (release = resolve));
  const asked = new Promise<unknown>((resolve) => {
    server.registerTool("ask", {}, async ({ sendRequest }) => {
      await gone;
      resolve(await errorOf(() => sendRequest({ method: "roots/list" }, ListRootsResultSchema)));
      return text("late");
    });
  });
  await server.connect(transport);
  const response = await transport.handleRequest(request(undefined, { message: call("ask", 1) }));
  await response.body!.cancel();
  release();
  expect(await asked).toMatchObject({ code: "MCP_CLIENT_UNREACHABLE" });
});

// proves create-mcp-handler#parsedBody
it("a body may have been read and parsed before", async () => {
  const transport = new WorkerTransport({ enableJsonResponse: true });
  await new McpServer({ name: "server", version: "1.0.0" }).connect(transport);
  const read = request(undefined, { message: "read already" });
  const ping = { jsonrpc: "2.0", id: 4, method: "ping" };
  const response = await transport.handleRequest(read, ping);
  expect(await response.json()).toEqual({ jsonrpc: "2.0", id: 4, result: {} });
});

it("without a server, a transport says so", async () => {
  const response = await new WorkerTransport().handleRequest(request(undefined, { message: initialize }));
  expect([response.status, await response.text()]).toEqual([500, expect.stringContaining("No server is connected")]);
});

describe("the events in memory", () => {
  const message = (n: number): JSONRPCMessage => ({ jsonrpc: "2.0", method: "n", params: { n } });
  const replay = async (store: MemoryEventStore, id: string) => {
    const seen: unknown[] = [];
    const stream = await store.replayEventsAfter(id, {
      send: async (_id, { params }: JSONRPCMessage & { params?: { n: unknown } }) => void seen.push(params?.n)
    });
    return [stream, seen];
  };

  it("are of one stream, and go when the client has them", async () => {
    const store = new MemoryEventStore();
    const ids = [];
    for (const n of [0, 1, 2]) {
      ids.push(await store.storeEvent("a", message(n)));
      await store.storeEvent("b", message(n + 10));
    }
    expect(await replay(store, ids[1]!)).toEqual(["a", [2]]);
    expect(await replay(store, ids[0]!)).toEqual(["a", [2]]);
  });

  it("have limits, above which the oldest go", async () => {
    const store = new MemoryEventStore();
    const first = await store.storeEvent("a", message(0));
    for (let n = 1; n <= storeLimits.events + 1; n++) await store.storeEvent("a", message(n));
    const [, seen] = await replay(store, first);
    expect([(seen as number[]).length, (seen as number[])[0]]).toEqual([storeLimits.events, 2]);
  });

  it("of an earlier life are unknown, but what is said unasked goes on", async () => {
    const [old, store] = [new MemoryEventStore(), new MemoryEventStore()];
    const lost = await old.storeEvent("a", message(0));
    expect((await errorOf(() => store.replayEventsAfter(lost, { send: async () => {} }))).message).toContain("gone");
    const unasked = await old.storeEvent("unasked", message(0));
    await store.storeEvent("unasked", message(1));
    expect(await replay(store, unasked)).toEqual(["unasked", [1]]);
  });
});
