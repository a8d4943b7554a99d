import { expect, it } from "vitest";
import { connect, evict, type TestConnection } from "../../../agents/src/test/kit";
import type { Step } from "../test/assistant";
import { ask, assistant, doneOf, framesUntil, isDone, stored, talker, text, user, type Frame } from "../test/chat-kit";

const where: Step = [["c1", "where"]];
const pay: Step = [["p1", "pay", { amount: 5 }]];
const result = (toolCallId: string, output: unknown, more: object = { autoContinue: true }) => ({
  type: "cf_agent_tool_result",
  toolCallId,
  toolName: "where",
  output,
  ...more
});
const approval = (toolCallId: string, approved: boolean, autoContinue = true) => ({
  type: "cf_agent_tool_approval",
  toolCallId,
  approved,
  autoContinue
});
const idle = { type: "cf_agent_stream_resume_request" };

/** A conversation in which the model said these steps to the first question. */
async function asked(
  name: string,
  ...steps: Step[]
): Promise<[ReturnType<typeof assistant>, TestConnection, TestConnection]> {
  const stub = assistant(name);
  const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b")];
  await stub.will(...steps);
  a.send(ask("r1", [user("u1", "go")], { timezone: "UTC", clientTools: [{ name: "where" }] }));
  await doneOf(a);
  await doneOf(b);
  return [stub, a, b];
}

/** The parts of the last message, without where the steps begin. */
const lastParts = async (stub: ReturnType<typeof assistant>) =>
  (await stored(stub)).at(-1)!.parts.filter(({ type }) => type !== "step-start");

// proves chat-agents#tool-server, chat-agents#tool-server-goes-on, agent-class-internals#AIChatAgent-tools-server
it("runs a tool of the server, and the model goes on with its result", async () => {
  const [stub] = await asked("server-tool", [["w1", "weather", { city: "Porto" }]], "21 degrees");
  expect(await stub.ran()).toEqual(["weather in Porto"]);
  expect(await stub.told()).toEqual(["user: go", "assistant: calls weather w1", 'tool: w1 {"degrees":21}']);
  expect(await lastParts(stub)).toMatchObject([
    { type: "tool-weather", state: "output-available", input: { city: "Porto" }, output: { degrees: 21 } },
    { type: "text", text: "21 degrees", state: "done" }
  ]);
});

// proves chat-agents#frame-message-updated, chat-agents#frame-tool-result, chat-agents#tool-client
// proves agent-class-internals#AIChatAgent-tools-client
it("goes on with the same message when a client gives the result", async () => {
  const [stub, a, b] = await asked("client-tool", where);
  const [, before] = await stored(stub);
  await stub.will("Porto it is");
  a.send(result("c1", "Porto"));
  expect(await b.next("cf_agent_message_updated")).toMatchObject({
    message: {
      id: before!.id,
      parts: [{ type: "step-start" }, { toolCallId: "c1", state: "output-available", output: "Porto" }]
    }
  });
  const frames = await framesUntil(a, isDone());
  expect(
    frames.filter(({ type }) => type === "cf_agent_use_chat_response").every(({ continuation }) => continuation)
  ).toBe(true);
  expect(await stub.told()).toEqual(["user: go", "assistant: calls where c1", 'tool: c1 "Porto"']);
  const messages = await stored(stub);
  expect(messages.map(({ id }) => id)).toEqual(["u1", before!.id]);
  expect(await lastParts(stub)).toMatchObject([{ output: "Porto" }, { text: "Porto it is" }]);
});

it("tells all but the client that answered the transcript after a continuation", async () => {
  const [stub, a, b] = await asked("continued", where);
  await stub.will("Porto it is");
  a.send(result("c1", "Porto"));
  await doneOf(b);
  expect(await b.nextFrame()).toEqual({ type: "cf_agent_chat_messages", messages: await stored(stub) });
});

it("goes on once when all of several calls have their results", async () => {
  const [stub, a, b] = await asked("two-tools", [
    ["c1", "where"],
    ["c2", "clock"]
  ]);
  await stub.will("Porto, at noon");
  a.send(result("c2", "noon"));
  expect(await a.next("cf_agent_message_updated")).toMatchObject({ message: { parts: { length: 3 } } });
  expect(await stub.calls()).toBe(1);
  b.send(result("c1", "Porto"));
  await doneOf(a);
  expect(await stub.calls()).toBe(2);
  expect(await stub.told()).toEqual([
    "user: go",
    "assistant: calls where c1",
    "assistant: calls clock c2",
    'tool: c1 "Porto"',
    'tool: c2 "noon"'
  ]);
});

it("waits until it is told to go on", async () => {
  const [stub, a] = await asked("no-auto", where);
  a.send(result("c1", "Porto", {}));
  await a.next("cf_agent_message_updated");
  a.send(idle);
  await a.next("cf_agent_stream_resume_none");
  expect(await stub.calls()).toBe(1);
});

it("takes null for an output that is missing", async () => {
  const [stub, a] = await asked("no-output", where);
  await stub.will("nowhere");
  a.send(result("c1", undefined));
  await doneOf(a);
  expect(await stub.told()).toContain("tool: c1 null");
});

it.each([
  ["that the server ran", "w1"],
  ["that nobody made", "unknown"]
])("ignores a client's result for a call %s", async (name, toolCallId) => {
  const [stub, a] = await asked(name, [["w1", "weather", { city: "Porto" }]], "21 degrees");
  const before = await stored(stub);
  a.send(result(toolCallId, { degrees: 99 }));
  a.send(approval(toolCallId, true));
  a.send(idle);
  expect(
    (await framesUntil(a, ({ type }) => type === "cf_agent_stream_resume_none")).map(({ type }) => type)
  ).not.toContain("cf_agent_message_updated");
  expect(await stored(stub)).toEqual(before);
  expect(await stub.calls()).toBe(2);
});

it("takes the first of two results for a call", async () => {
  const [stub, a, b] = await asked("duplicate", where);
  await stub.will("Porto it is");
  a.send(result("c1", "Porto"));
  b.send(result("c1", "Faro"));
  await doneOf(a);
  b.send(result("c1", "Faro"));
  b.send(idle);
  await b.next("cf_agent_stream_resume_none");
  expect(await lastParts(stub)).toMatchObject([{ output: "Porto" }, { text: "Porto it is" }]);
  expect(await stub.calls()).toBe(2);
});

it("takes a result while the call's answer is still being said", async () => {
  const stub = talker("mid-stream");
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} });
  await a.next((frame) => String(frame.body).includes("c1"));
  a.send(result("c1", "Porto"));
  a.send(result("c1", "Faro"));
  await stub.say(...text("t", "wait"));
  await stub.sayEnd();
  await doneOf(a, "r1");
  await stub.say({ type: "start" }, ...text("t", "Porto it is"));
  await stub.sayEnd();
  await doneOf(a);
  expect((await stored(stub))[1]!.parts).toMatchObject([
    { toolCallId: "c1", output: "Porto" },
    { text: "wait" },
    { text: "Porto it is" }
  ]);
  expect(await stub.questions()).toHaveLength(2);
});

// proves chat-agents#tool-approval, chat-agents#needsApproval, chat-agents#approve, chat-agents#frame-tool-approval
// proves human-in-the-loop#tool-confirmation, guide-human-in-the-loop#tool-execution
// proves agent-class-internals#AIChatAgent-tools-approval
it("runs an approved call once, and the model goes on", async () => {
  const [stub, a, b] = await asked("approve", pay);
  expect(await lastParts(stub)).toMatchObject([{ type: "tool-pay", state: "approval-requested" }]);
  expect(await stub.ran()).toEqual([]);
  await stub.will("it is paid");
  a.send(approval("p1", true));
  b.send(approval("p1", true));
  b.send(approval("p1", false));
  expect(await b.next("cf_agent_message_updated")).toMatchObject({
    message: { parts: [{}, { state: "approval-responded", approval: { approved: true } }] }
  });
  await doneOf(a);
  b.send(idle);
  await b.next("cf_agent_stream_resume_none");
  expect(await stub.ran()).toEqual(["pay 5"]);
  expect((await stub.told()).at(-1)).toBe('tool: p1 "paid"');
  expect(await lastParts(stub)).toMatchObject([{ state: "output-available", output: "paid" }, { text: "it is paid" }]);
  expect(await stub.invalid()).toEqual([]);
});

// proves chat-agents#reject, chat-agents#denied-state, chat-agents#denial-goes-on
// proves guide-human-in-the-loop#practice-degradation
it("does not run a denied call, and tells the model", async () => {
  const [stub, a, b] = await asked("deny", pay);
  await stub.will("as you wish");
  a.send(approval("p1", false));
  expect(await b.next("cf_agent_message_updated")).toMatchObject({
    message: { parts: [{}, { state: "output-denied", approval: { approved: false } }] }
  });
  await doneOf(a);
  expect(await stub.ran()).toEqual([]);
  expect(await stub.told()).toContain('tool: p1 "Tool call execution denied."');
  expect(await lastParts(stub)).toMatchObject([{ state: "output-denied" }, { text: "as you wish" }]);
  expect(await stub.invalid()).toEqual([]);
});

// proves chat-agents#custom-denial, chat-agents#custom-denial-model, chat-agents#error-does-not-go-on
it("tells the model why a call was declined, when the user goes on", async () => {
  const [stub, a] = await asked("decline", pay);
  a.send(result("p1", undefined, { state: "output-error", errorText: "over budget" }));
  await a.next("cf_agent_message_updated");
  const [part] = await lastParts(stub);
  expect(part).toMatchObject({ state: "output-error", errorText: "over budget" });
  expect(part).not.toHaveProperty("approval");
  expect(await stub.calls()).toBe(1);
  await stub.will("then not");
  a.send(ask("r2", [...(await stored(stub)), user("u2", "well?")]));
  await doneOf(a, "r2");
  expect(await stub.told()).toEqual(["user: go", "assistant: calls pay p1", 'tool: p1 "over budget"', "user: well?"]);
});

it("does not let a client give the result of a call that waits for approval", async () => {
  const [stub, a] = await asked("forged", pay);
  const before = await stored(stub);
  a.send(result("p1", "paid"));
  a.send(idle);
  await a.next("cf_agent_stream_resume_none");
  expect(await stored(stub)).toEqual(before);
});

// proves human-in-the-loop#temporary-state, build-a-chat-agent#hibernates
it.each<[string, Step, object, string]>([
  ["result", where, result("c1", "Porto"), 'tool: c1 "Porto"'],
  ["approval", pay, approval("p1", true), 'tool: p1 "paid"']
])("takes a %s after an eviction, with what came with the last request", async (name, step, frame, told) => {
  const [stub, a] = await asked(`evicted ${name}`, step);
  await evict(stub);
  await stub.will("on we go");
  a.send(frame);
  await doneOf(a);
  expect((await stub.told()).at(-1)).toBe(told);
  expect(await stub.asked()).toEqual([{ body: { timezone: "UTC" }, clientTools: [{ name: "where" }] }]);
});

it("does not take an approval for a call that does not wait for one", async () => {
  const [stub, a] = await asked("approve-client-tool", where);
  const before = await stored(stub);
  a.send(approval("c1", true));
  a.send(idle);
  await a.next("cf_agent_stream_resume_none");
  expect(await stored(stub)).toEqual(before);
});

it("leaves an approved call alone that is running while the next question comes", async () => {
  const stub = talker("approved-running");
  const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b")];
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "p1", toolName: "pay", input: {} });
  await stub.say({ type: "tool-approval-request", toolCallId: "p1", approvalId: "a1" });
  await stub.sayEnd();
  await doneOf(a);
  a.send(approval("p1", true));
  await stub.begun();
  a.send(ask("r2", [...(await stored(stub)), user("u2", "script")]));
  const { messages } = await b.next<Frame>((frame) => frame.messages?.length === 3);
  expect(messages[1]!.parts).toMatchObject([{ state: "approval-responded" }]);
  await stub.say({ type: "tool-output-available", toolCallId: "p1", output: "paid" });
  await stub.sayEnd();
  await doneOf(a);
  expect((await stored(stub))[1]!.parts).toMatchObject([{ state: "output-available", output: "paid" }]);
});

// proves chat-agents#schemas-with-results
it("goes on with the tools that came with a result", async () => {
  const [stub, a] = await asked("newer-tools", where);
  await stub.will("Porto it is");
  a.send(result("c1", "Porto", { autoContinue: true, clientTools: [{ name: "newer" }] }));
  await doneOf(a);
  expect((await stub.asked()).at(-1)).toEqual({ body: { timezone: "UTC" }, clientTools: [{ name: "newer" }] });
});

it.each<[string, Step, object[], object]>([
  ["a client's call is open", where, [], { state: "output-error" }],
  ["an approval is open", pay, [], { state: "output-denied", approval: { approved: false } }],
  [
    "one of two calls is open",
    [
      ["c1", "where"],
      ["c2", "clock"]
    ],
    [result("c2", "noon")],
    { toolCallId: "c1", state: "output-error" }
  ],
  ["an approved call has not run", pay, [approval("p1", true, false)], { state: "output-error" }]
])("stays usable when the user goes on while %s", async (name, step, frames, part) => {
  const [stub, a] = await asked(name, step);
  for (const frame of frames) {
    a.send(frame);
    await a.next("cf_agent_message_updated");
  }
  await stub.will("as you like");
  a.send(ask("r2", [...(await stored(stub)), user("u2", "never mind")]));
  expect(await doneOf(a, "r2")).toMatchObject({ body: "" });
  expect(await stub.invalid()).toEqual([]);
  expect((await stored(stub))[1]!.parts[1]).toMatchObject(part);
  expect(await lastParts(stub)).toMatchObject([{ text: "as you like" }]);
  expect(await stub.ran()).toEqual([]);
});

it("stays usable when a question of the agent's own comes while a call is open", async () => {
  const [stub, a] = await asked("saved", where);
  await stub.will("as you like");
  await stub.saveMessages([user("u2", "never mind")] as never);
  expect(await stub.invalid()).toEqual([]);
  expect((await stored(stub)).map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  await doneOf(a);
});

it("stays usable when a turn is cancelled after a call was made", async () => {
  const stub = talker("cancelled");
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} });
  await a.next((frame) => String(frame.body).includes("c1"));
  a.send({ type: "cf_agent_chat_request_cancel", id: "r1" });
  await doneOf(a);
  expect((await stored(stub))[1]!.parts).toMatchObject([
    { toolCallId: "c1", state: "output-error", errorText: "The call was cancelled." }
  ]);
  a.send(result("c1", "Porto"));
  a.send(idle);
  await a.next("cf_agent_stream_resume_none");
  expect(await stub.questions()).toHaveLength(1);
});

it("runs an approved call when the client asks to go on without an answer of its own", async () => {
  const [stub, a] = await asked("approve-then-send", pay);
  a.send(approval("p1", true, false));
  await a.next("cf_agent_message_updated");
  await stub.will("it is paid");
  a.send(ask("r2", await stored(stub)));
  expect(await doneOf(a, "r2")).toMatchObject({ body: "" });
  expect(await stub.ran()).toEqual(["pay 5"]);
  expect(await lastParts(stub)).toMatchObject([{ output: "paid" }, { text: "it is paid" }]);
});
