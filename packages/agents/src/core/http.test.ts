// The examples of the page "HTTP and Server-Sent Events", and of the HTTP half of "HTTP & WebSockets", run.
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { routeAgentRequest } from "../index";
import { fault } from "../test/fault";
import { connect } from "../test/kit";

let names = 0;
const api = () => env.ApiAgent.get(env.ApiAgent.idFromName(`api-${names++}`));
type Stub = ReturnType<typeof api>;
const get = (stub: Stub, path: string, init?: RequestInit) => stub.fetch(`http://test/agents/api/name${path}`, init);

describe("a request", () => {
  // proves http-sse#onRequest, http-sse#onRequest-state, http-sse#onRequest-body, http-sse#onRequest-status
  // proves http-websockets-older#onRequest, http-websockets-older#onRequest-path, websockets#onRequest
  // proves agents-api#onRequest, agent-class-internals#onRequest
  it("is answered by its path and method, reads the state, and acts on what it brings", async () => {
    const stub = api();
    const post = { method: "POST", body: JSON.stringify({ action: "start" }) };
    expect(await (await get(stub, "/action", post)).json()).toEqual({ success: true });
    const status = await get(stub, "/status?x=1");
    expect(await status.json()).toEqual({ status: "ok", state: { sent: [], actions: ["start"] }, connections: 0 });
    expect([(await get(stub, "/action")).status, (await get(stub, "/other", post)).status]).toEqual([405, 404]);
  });

  // proves http-websockets-older#onRequest, websockets#onRequest
  it("of a client that also has a connection is a request all the same", async () => {
    const stub = api();
    const connection = await connect(stub);
    expect(await (await get(stub, "/status")).json()).toMatchObject({ connections: 1 });
    expect(await connection.call("nothing")).toMatchObject({ success: false });
  });

  // proves http-websockets-older#onRequest-upload
  it("may bring a file in a form", async () => {
    const body = new FormData();
    body.set("file", new File(["some text"], "notes.txt"));
    const response = await get(api(), "/upload", { method: "POST", body });
    expect(await response.json()).toEqual({ filename: "notes.txt", size: 9, content: "some text" });
  });

  // proves http-websockets-older#onRequest-cors
  it("of another origin is answered with the agent's own CORS headers, the preflight too", async () => {
    const stub = api();
    const preflight = await get(stub, "/open", { method: "OPTIONS" });
    expect([preflight.status, Object.fromEntries(preflight.headers)]).toMatchObject([
      200,
      { "access-control-allow-origin": "*", "access-control-allow-methods": "GET, POST, OPTIONS" }
    ]);
    expect((await get(stub, "/open")).headers.get("Access-Control-Allow-Origin")).toBe("*");
  });
});

/** Reads a stream as it comes. */
function reader(response: Response) {
  const chunks = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  /** All text that has come, once it ends with this. */
  const until = async (end: string) => {
    while (!text.endsWith(end)) {
      const { done, value } = await chunks.read();
      if (done) throw new Error(`The stream ended after ${JSON.stringify(text)}`);
      text += value;
    }
    return text;
  };
  return { until, end: async () => ((await chunks.read()).done ? text : "more") };
}
const event = (id: number, data: string) => `event: update\nid: ${id}\ndata: ${data}\n\n`;
const [first, second, third] = [event(0, "Starting..."), event(1, "Step 1 complete"), event(2, "Done!")];

describe("a stream of events", () => {
  // proves http-sse#stream, http-sse#format, http-sse#headers, http-sse#persist-progress, http-sse#no-timeout
  it("arrives as it is sent, to the letter, keeps nobody waiting, and leaves its progress in the state", async () => {
    const stub = api();
    const response = await get(stub, "/events");
    expect([response.headers.get("Content-Type"), response.headers.get("Cache-Control")]).toEqual([
      "text/event-stream",
      "no-cache"
    ]);
    const events = reader(response);
    expect(await events.until(second)).toBe(first + second);
    // It pauses here, for as long as the test likes.
    expect(await (await get(stub, "/status")).json()).toMatchObject({
      state: { sent: ["Starting...", "Step 1 complete"] }
    });
    await stub.release();
    expect(await events.until(third)).toBe(first + second + third);
    expect(await events.end()).toBe(first + second + third);
  });

  // proves http-sse#resume, http-sse#same-instance
  it("that broke goes on after the last event that the client has, at the same instance", async () => {
    const path = "http://test/agents/api-agent/resume/events";
    const broken = reader((await routeAgentRequest(new Request(path), env))!);
    expect(await broken.until(second)).toBe(first + second);
    const stub = env.ApiAgent.get(env.ApiAgent.idFromName("resume"));
    await runInDurableObject(stub, (_, context) => context.abort(fault.reason)).catch(() => {});
    const headers = { "Last-Event-ID": "1" };
    const events = reader((await routeAgentRequest(new Request(path, { headers }), env))!);
    expect(await events.until(third)).toBe(third);
    const again = env.ApiAgent.get(stub.id);
    expect(await runInDurableObject(again, ({ state }) => state.sent)).toHaveLength(3);
  });
});
