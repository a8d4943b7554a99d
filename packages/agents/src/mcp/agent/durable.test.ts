import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { cut, evict, killAll } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { ask, begin, call, Events, get, post, request, url } from "../../test/mcp-kit";

const handler = Toolbox.serve("/mcp");
const objectOf = (headers: Record<string, string>) =>
  env.Toolbox.get(env.Toolbox.idFromName(`streamable-http:${headers["mcp-session-id"]}`));

const elicitation = { capabilities: { elicitation: {} } };
const accept = (id: unknown, value: string) => ({
  jsonrpc: "2.0",
  id,
  result: { action: "accept", content: { value } }
});
const resultOf = (message: Record<string, unknown>) => message.result ?? message.error;
const said = (text: string) => ({ content: [{ type: "text", text }] });
const runs = (what: string) => Toolbox.runs.filter((run) => run === what).length;

/** Calls a tool by raw HTTP, and returns what it answers event by event. */
const open = async (headers: Record<string, string>, name: string, args: object, id: string | number = 1) =>
  new Events(await ask(handler, post(call(id, name, args), headers)));

describe("a tool that waits for its user", () => {
  it.each<[how: string, leave: (stub: DurableObjectStub) => Promise<void>]>([
    ["is out of memory", evict],
    ["was cut off from the Worker, too", cut],
    ["was killed", killAll]
  ])("gets the answer also when the object %s meanwhile", async (how, leave) => {
    const headers = await begin(handler, elicitation);
    const events = await open(headers, "ask", { first: `one ${how}`, second: "two" });
    const first = (await events.message()).message;
    await leave(objectOf(headers));
    expect((await ask(handler, post(accept(first.id, "A"), headers))).status).toBe(202);
    const second = (await events.message()).message;
    expect([second.method, second.params]).toMatchObject(["elicitation/create", { message: "two" }]);
    await leave(objectOf(headers));
    await ask(handler, post(accept(second.id, "B"), headers));
    expect(resultOf((await events.message()).message)).toEqual(said("A, B"));
    expect(await events.next()).toBeUndefined();
    expect(runs(`ask one ${how}`)).toBe(3);
    expect(await objectOf(headers).rows()).toMatchObject({ calls: 0, waits: 0 });
  });

  it("runs once when nothing has happened to the object", async () => {
    const headers = await begin(handler, elicitation);
    const events = await open(headers, "ask", { first: "calm" });
    const { message } = await events.message();
    await ask(handler, post(accept(message.id, "A"), headers));
    expect(resultOf((await events.message()).message)).toEqual(said("A"));
    expect(runs("ask calm")).toBe(1);
  });

  it("may be woken as often as something else happens", async () => {
    const headers = await begin(handler, elicitation);
    const events = await open(headers, "ask", { first: "sleepy" });
    const { message } = await events.message();
    for (let wakes = 0; wakes < 4; wakes++) {
      await evict(objectOf(headers));
      await new Events(await ask(handler, post(request(`ping ${wakes}`, "ping"), headers))).message();
    }
    await ask(handler, post(accept(message.id, "A"), headers));
    expect(resultOf((await events.message()).message)).toEqual(said("A"));
    expect(runs("ask sleepy")).toBe(2);
  });

  it("takes an answer once", async () => {
    const headers = await begin(handler, elicitation);
    const events = await open(headers, "ask", { first: "once", second: "more" });
    const first = (await events.message()).message;
    await ask(handler, post(accept(first.id, "A"), headers));
    const second = (await events.message()).message;
    await ask(handler, post(accept(first.id, "other"), headers));
    await evict(objectOf(headers));
    await ask(handler, post(accept(first.id, "another"), headers));
    await ask(handler, post(accept(second.id, "B"), headers));
    expect(resultOf((await events.message()).message)).toEqual(said("A, B"));
  });

  // proves mcp-agent#elicit-actions
  it("answers a client that comes back later, and says what it has", async () => {
    const headers = await begin(handler, elicitation);
    const events = await open(headers, "ask", { first: "patient" });
    const { message, eventId } = await events.message();
    await events.cancel();
    await evict(objectOf(headers));
    await ask(handler, post(accept(message.id, "A"), headers));
    const resumed = new Events(await ask(handler, get({ ...headers, "Last-Event-ID": eventId })));
    expect(resultOf((await resumed.message()).message)).toEqual(said("A"));
    expect(await resumed.next()).toBeUndefined();
  });

  it("is over when it is cancelled, and asks nobody any more", async () => {
    const headers = await begin(handler, elicitation);
    const events = await open(headers, "ask", { first: "cancelled" }, "mine");
    const { message } = await events.message();
    await evict(objectOf(headers));
    const params = { requestId: "mine" };
    await ask(handler, post({ jsonrpc: "2.0", method: "notifications/cancelled", params }, headers));
    expect(await events.next()).toBeUndefined();
    await ask(handler, post(accept(message.id, "A"), headers));
    expect(runs("ask cancelled")).toBe(1);
    expect(await objectOf(headers).rows()).toMatchObject({ calls: 0, waits: 0 });
  });

  it("is begun three times and no more", async () => {
    const headers = await begin(handler, elicitation);
    const events = await open(headers, "ask", { first: "unlucky", second: "x" });
    const first = (await events.message()).message;
    await objectOf(headers).setAttempts(3);
    await evict(objectOf(headers));
    await ask(handler, post(accept(first.id, "A"), headers));
    expect(resultOf((await events.message()).message)).toMatchObject({
      code: -32010,
      data: { code: "MCP_CALL_INTERRUPTED" }
    });
  });
});

describe("a tool that runs when the object is killed", () => {
  it("is ended by an error, since nobody knows what it has done", async () => {
    const headers = await begin(handler);
    const events = await open(headers, "block", { gate: "killed" });
    await objectOf(headers).entered("killed");
    await killAll();
    const { message } = await events.message();
    expect(message).toMatchObject({ id: 1, error: { code: -32010, data: { code: "MCP_CALL_INTERRUPTED" } } });
    expect(await events.next()).toBeUndefined();
    expect(runs("block killed")).toBe(1);
  });

  it("is run again if it says that this makes no difference", async () => {
    const headers = await begin(handler);
    const events = await open(headers, "look", { gate: "again" });
    await objectOf(headers).entered("again");
    await killAll();
    await objectOf(headers).entered("again");
    await objectOf(headers).open("again");
    expect(resultOf((await events.message()).message)).toEqual(said("again is open"));
    expect(runs("block again")).toBe(2);
  });
});

describe("a stream", () => {
  // proves mcp-agent#hibernation
  it("on which a client listens outlives evictions, and the loss of its line", async () => {
    const headers = await begin(handler);
    const events = new Events(await ask(handler, get(headers)));
    for (const leave of [evict, cut, killAll]) {
      await leave(objectOf(headers));
      await objectOf(headers).announce();
      expect((await events.message()).message.method).toBe("notifications/tools/list_changed");
    }
  });

  it("keeps what is said while nobody listens, for whoever comes", async () => {
    const headers = await begin(handler);
    await objectOf(headers).announce();
    await evict(objectOf(headers));
    await objectOf(headers).announce();
    const events = new Events(await ask(handler, get(headers)));
    const first = await events.message();
    const second = await events.message();
    await events.cancel();
    const resumed = new Events(await ask(handler, get({ ...headers, "Last-Event-ID": first.eventId })));
    expect(await resumed.message()).toEqual(second);
    // Without an id, only what was not sent to anybody.
    const fresh = new Events(await ask(handler, get(headers)));
    await objectOf(headers).announce();
    const third = await fresh.message();
    expect([first.eventId, second.eventId]).not.toContain(third.eventId);
  });

  it("of an answer can be asked for again, as long as its answer was not acknowledged", async () => {
    const headers = await begin(handler);
    const events = await open(headers, "echo", { text: "kept" });
    const primed = await events.next();
    await events.cancel();
    const again = () => ask(handler, get({ ...headers, "Last-Event-ID": primed!.id! }));
    const { message, eventId } = await new Events(await again()).message();
    expect(resultOf(message)).toEqual(said("kept"));
    expect((await new Events(await again()).message()).eventId).toBe(eventId);
    expect((await ask(handler, get({ ...headers, "Last-Event-ID": eventId }))).status).toBe(400);
    expect((await again()).status).toBe(400);
  });

  it("may be asked for by two at once: one gets the answer, and it ends for both", async () => {
    const headers = await begin(handler);
    const first = await open(headers, "block", { gate: "shared" });
    const primed = await first.next();
    await objectOf(headers).entered("shared");
    await first.cancel();
    const resume = async () => new Events(await ask(handler, get({ ...headers, "Last-Event-ID": primed!.id! })));
    const both = await Promise.all([resume(), resume()]);
    await objectOf(headers).open("shared");
    const heard = await Promise.all(
      both.map(async (events) => {
        const data: string[] = [];
        for (let event; (event = await events.next());) if (event.data) data.push(event.data);
        return data;
      })
    );
    expect(heard.flat()).toEqual([expect.stringContaining("shared is open")]);
  });

  it("ends when its session does, in the middle of a call", async () => {
    const headers = await begin(handler);
    const events = await open(headers, "block", { gate: "ended" });
    await events.next();
    await objectOf(headers).entered("ended");
    expect((await ask(handler, new Request(url, { method: "DELETE", headers }))).status).toBe(204);
    expect(await events.next()).toBeUndefined();
  });

  it("is nobody else's", async () => {
    const shared = Toolbox.serve("/mcp", { name: () => "streams" });
    const [ada, bob] = [await begin(shared), await begin(shared)];
    const events = new Events(await ask(shared, post(call(1, "echo", { text: "secret" }), ada)));
    const primed = await events.next();
    expect((await ask(shared, get({ ...bob, "Last-Event-ID": primed!.id! }))).status).toBe(400);
  });

  it("is closed when the server says so, and gone on with later", async () => {
    const headers = await begin(handler);
    const events = await open(headers, "later", {});
    const primed = await events.next();
    expect(primed).toMatchObject({ data: "", retry: "1000" });
    expect(await events.next()).toBeUndefined();
    const resumed = new Events(await ask(handler, get({ ...headers, "Last-Event-ID": primed!.id! })));
    await objectOf(headers).open("later");
    expect(resultOf((await resumed.message()).message)).toEqual(said("here you are"));
  });
});

it("a server knows its client again in another life", async () => {
  const headers = await begin(handler, elicitation);
  const client = async () => resultOf((await (await open(headers, "client", {})).message()).message);
  expect(await client()).toEqual(said("raw"));
  await evict(objectOf(headers));
  expect(await client()).toEqual(said("raw"));
});

it("what a client has subscribed to, and which messages it wants, lasts as long as its session", async () => {
  const headers = await begin(handler);
  const say = async (method: string, params: object) =>
    (await new Events(await ask(handler, post(request(9, method, params), headers))).message()).message;
  await say("resources/subscribe", { uri: "mcp://resource/counter" });
  await say("logging/setLevel", { level: "warning" });
  await evict(objectOf(headers));
  const listening = new Events(await ask(handler, get(headers)));
  await objectOf(headers).announce();
  expect((await listening.message()).message).toMatchObject({ method: "notifications/resources/updated" });
  const logging = await open(headers, "log", {});
  expect((await logging.message()).message).toMatchObject({ params: { level: "warning", data: "careful" } });
});
