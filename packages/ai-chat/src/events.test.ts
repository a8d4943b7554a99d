import { subscribe } from "node:diagnostics_channel";
import { runInDurableObject } from "cloudflare:test";
import type { ObservabilityEvent } from "../../agents/src/observability";
import { beforeAll, expect, it } from "vitest";
import { connect } from "../../agents/src/test/kit";
import { ask, doneOf, stored, talker, user } from "./test/chat-kit";
import { append, done, extended, operation, refused } from "./test/extended-kit";
import { answers, textAnswer } from "./test/script";

// The events of a conversation, of which the page "Observability" has a table.

answers.set("hi", () => textAnswer("hello"));
answers.set("throw", () => {
  throw new Error("no model today");
});

const heard: ObservabilityEvent[] = [];
beforeAll(() => subscribe("agents:message", (event) => void heard.push(event as ObservabilityEvent)));

/** What a conversation has told so far, of what the page has. */
const eventsOf = (name: string) =>
  heard.filter((event) => event.name === name && event.type !== "turn:end").map(({ type, payload }) => [type, payload]);

// proves observability#type, observability#agent, observability#name, observability#payload, observability#timestamp
// proves observability#message, observability#raw, observability#message-request, observability#message-response
it("tells of a question when it comes, and of its answer when that is complete", async () => {
  const a = await connect(talker("events hi"));
  a.send(ask("r1", [user("u1", "script")]));
  await talker("events hi").begun();
  expect(eventsOf("events hi")).toEqual([["message:request", {}]]);
  await talker("events hi").sayEnd();
  await doneOf(a);
  expect(eventsOf("events hi")).toEqual([
    ["message:request", {}],
    ["message:response", {}]
  ]);
  const [event] = heard.filter(({ name }) => name === "events hi");
  expect(event).toEqual({
    type: "message:request",
    agent: "Talker",
    name: "events hi",
    payload: {},
    timestamp: expect.any(Number)
  });
});

it("tells the same of a client of the extensions", async () => {
  const [a] = await extended(talker("events extended"));
  a.send(append("r1", "u1", "hi"));
  await done(a, "r1");
  a.send(operation("r2", "regenerate"));
  await done(a, "r2");
  a.send(operation("r3", "clear"));
  await a.settled();
  expect(eventsOf("events extended").map(([type]) => type)).toEqual([
    "message:request",
    "message:response",
    "message:request",
    "message:response",
    "message:clear"
  ]);
});

it("tells nothing of a question that is refused, whatever client asks it", async () => {
  const stub = talker("events busy");
  await runInDurableObject(stub, (agent) => void (agent.chatConcurrency = "drop"));
  const [a, [b]] = [await connect(stub), await extended(stub)];
  a.send(ask("r1", [user("u1", "script")]));
  await stub.begun();
  a.send(ask("r2", [user("u1", "script"), user("u2", "hi")]));
  await doneOf(a, "r2");
  b.send(append("r3", "u3", "hi"));
  await refused(b, "r3");
  expect(eventsOf("events busy")).toEqual([["message:request", {}]]);
  await stub.sayEnd();
  await doneOf(a, "r1");
});

// proves observability#message-error
it("tells of an answer that fails, and why", async () => {
  const a = await connect(talker("events throw"));
  a.send(ask("r1", [user("u1", "throw")]));
  await doneOf(a);
  expect(eventsOf("events throw")).toEqual([
    ["message:request", {}],
    ["message:error", { error: "no model today" }]
  ]);
});

// proves observability#message-error
it("tells of an answer whose stream dies", async () => {
  const a = await connect(talker("events die"));
  a.send(ask("r1", [user("u1", "script")]));
  await talker("events die").sayFail("upstream is gone");
  await doneOf(a);
  expect(eventsOf("events die").at(-1)).toEqual(["message:error", { error: "upstream is gone" }]);
});

// proves observability#message-error
it("tells of an answer in which the model reports an error", async () => {
  const a = await connect(talker("events reported"));
  a.send(ask("r1", [user("u1", "script")]));
  await talker("events reported").say({ type: "start" }, { type: "error", errorText: "overloaded" });
  await talker("events reported").sayEnd();
  await doneOf(a);
  expect(eventsOf("events reported")).toEqual([
    ["message:request", {}],
    ["message:error", { error: "overloaded" }]
  ]);
});

// proves observability#message-cancel
it("tells which request is cancelled", async () => {
  const a = await connect(talker("events cancel"));
  a.send(ask("r1", [user("u1", "script")]));
  await talker("events cancel").begun();
  a.send({ type: "cf_agent_chat_request_cancel", id: "r1" });
  await doneOf(a);
  expect(eventsOf("events cancel")).toContainEqual(["message:cancel", { requestId: "r1" }]);
});

// proves observability#message-clear
it("tells that the history is cleared", async () => {
  const a = await connect(talker("events clear"));
  a.send({ type: "cf_agent_chat_clear" });
  await a.settled();
  expect(eventsOf("events clear")).toEqual([["message:clear", {}]]);
});

// proves observability#tool-result, observability#tool-approval
it("tells of results and decisions of clients: of which call, of which tool, and what was decided", async () => {
  const a = await connect(talker("events tools"));
  a.send(ask("r1", [user("u1", "script")]));
  await talker("events tools").say(
    { type: "start" },
    { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} },
    { type: "tool-input-available", toolCallId: "c2", toolName: "pay", input: {} },
    { type: "tool-approval-request", approvalId: "p2", toolCallId: "c2" }
  );
  await talker("events tools").sayEnd();
  await doneOf(a);
  // Nothing is told of what is not taken: a result for the call of the server, and what is said again. What a tool is called, the conversation says.
  a.send({ type: "cf_agent_tool_result", toolCallId: "c2", toolName: "pay", output: "paid" });
  a.send({ type: "cf_agent_tool_result", toolCallId: "c9", toolName: "where", output: "here" });
  for (const time of ["first", "again"]) {
    a.send({ type: "cf_agent_tool_result", toolCallId: "c1", toolName: `pay ${time}`, output: "here" });
    a.send({ type: "cf_agent_tool_approval", toolCallId: "c2", approved: false });
  }
  a.send({ type: "cf_agent_tool_approval", toolCallId: "c2", approved: true });
  await a.settled();
  expect(eventsOf("events tools").slice(2)).toEqual([
    ["tool:result", { toolCallId: "c1", toolName: "where" }],
    ["tool:approval", { toolCallId: "c2", approved: false }]
  ]);
  expect((await stored(talker("events tools"))).at(-1)?.parts.map((part) => "state" in part && part.state)).toEqual([
    "output-available",
    "output-denied"
  ]);
});

// proves observability#disable
it("tells nothing of an agent that observes nothing", async () => {
  const stub = talker("events none");
  await runInDurableObject(stub, (agent) => void (agent.observability = undefined));
  const a = await connect(stub);
  a.send(ask("r1", [user("u1", "hi")]));
  await doneOf(a);
  expect(eventsOf("events none")).toEqual([]);
});
