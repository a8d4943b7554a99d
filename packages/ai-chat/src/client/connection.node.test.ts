import type { UIMessage } from "ai";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { AgentChat } from "./agent-chat";
import { FakeServer } from "./fake-server.node";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

const hello = { type: "cf_agent_hello", version: 1 };
const head = { type: "cf_agent_chat_snapshot", epoch: "e", revision: 0 } as const;
const identity = { type: "cf_agent_identity", name: "test", agent: "talker" };
const last = { type: "cf_agent_mcp_servers", mcp: {} };
const stored: UIMessage = { id: "u1", role: "user", parts: [{ type: "text", text: "stored" }] };

/** A conversation whose connection has just opened, with nothing said yet. */
function opened() {
  const server = new FakeServer();
  server.messages = [stored];
  server.readyState = 0;
  const chat = new AgentChat(server);
  onTestFinished(chat.attach());
  server.greeting = hello;
  const types = () => server.frames.map(({ type }) => type);
  return { server, chat, types };
}

it("loads nothing before there is a connection", () => {
  const { server, types } = opened();
  expect([server.loads, types()]).toEqual([0, []]);
});

it("speaks of revisions with a server that says what it has after its hello", () => {
  const { server, types } = opened();
  server.restore();
  server.say(identity);
  server.say(head);
  server.say(last);
  expect([server.loads, types()]).toEqual([0, ["cf_agent_chat_sync"]]);
});

it.each([
  ["has another first frame", [identity]],
  ["says nothing of the conversation in its greeting", [hello, identity, last]]
])("speaks the documented protocol with a server that %s", async (_, [first, ...rest]) => {
  const { server, chat, types } = opened();
  server.greeting = first as typeof hello;
  server.restore();
  for (const frame of rest) server.say(frame);
  await vi.waitFor(() => expect(types()).toEqual(["cf_agent_stream_resume_request"]));
  expect(chat.getSnapshot().messages).toEqual([stored]);
});

it.each([
  ["says nothing at all", 150],
  ["does not end its greeting", 2000]
])("and with one that %s", async (_, ms) => {
  const { server, types } = opened();
  if (ms === 150) server.greeting = undefined;
  server.restore();
  vi.advanceTimersByTime(ms - 1);
  expect(server.loads).toBe(0);
  vi.advanceTimersByTime(1);
  await vi.waitFor(() => expect(types()).toEqual(["cf_agent_stream_resume_request"]));
});

it("takes nothing more of what it loads when the server turns out to count revisions", async () => {
  const { server, chat, types } = opened();
  const loading = Promise.withResolvers<Response>();
  vi.spyOn(server, "fetch").mockReturnValue(loading.promise);
  server.greeting = identity;
  server.restore();
  server.say(head);
  loading.resolve(Response.json([stored]));
  server.say({ ...head, messages: [], reset: true });
  await new Promise((resolve) => setImmediate(resolve));
  expect([types(), chat.getSnapshot().messages]).toEqual([["cf_agent_chat_sync"], []]);
});

it("may find another server behind the next connection", async () => {
  const { server, chat, types } = opened();
  server.restore();
  server.say(head);
  server.say({ ...head, messages: [], reset: true });
  server.lose();
  server.greeting = identity;
  server.restore();
  server.say({ type: "cf_agent_stream_resume_none" });
  await vi.waitFor(() => expect(chat.getSnapshot().messages).toEqual([stored]));
  expect(types()).toEqual(["cf_agent_chat_sync", "cf_agent_stream_resume_request"]);
});
