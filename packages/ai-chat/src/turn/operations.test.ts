import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect, evict } from "../../../agents/src/test/kit";
import { ask as askDocumented, doneOf, rows, said, stored, talker, text, user, type Frame } from "../test/chat-kit";
import {
  accepted,
  append,
  ask,
  delta,
  done,
  everything,
  extended,
  operation,
  refused,
  snapshot
} from "../test/extended-kit";
import { answers, textAnswer } from "../test/script";

answers.set("hi", () => textAnswer("hello"));
answers.set("bye", () => textAnswer("farewell"));

/** Two clients of the extensions. */
async function two(name: string) {
  const stub = talker(name);
  const [[a], [b]] = [await extended(stub, "a"), await extended(stub, "b")];
  return { stub, a, b };
}

/** A question whose answer is being said. */
async function speaking(name: string) {
  const scene = await two(name);
  scene.a.send(append("r1", "u1", "script"));
  const first = await accepted(scene.a, "r1");
  await scene.stub.say({ type: "start" }, ...text("t", "half").slice(0, -1));
  await scene.b.next((frame: Frame) => String(frame.body).includes("half"));
  return { ...scene, first };
}

// proves chat-agents#prepare-headers
it("[U1] accepts a question with the id of its answer, tells everybody what changed, and ends once", async () => {
  const { stub, a, b } = await two("append");
  a.send(append("r1", "u1", "hi", { body: { zone: "UTC" }, headers: { "x-token": "t" } }));
  const question = await delta(a);
  expect(question).toMatchObject({ from: 0, revision: 1, upsert: [{ message: user("u1", "hi") }], removed: [] });
  const { turnId, messageId, epoch, revision } = await accepted(a, "r1");
  expect([epoch, revision]).toEqual([question.epoch, 1]);
  const start = await a.nextFrame();
  expect(start).toMatchObject({ id: "r1", turnId, seq: 1, body: JSON.stringify({ type: "start", messageId }) });
  const end = await done(a, "r1");
  expect(end).toEqual({
    type: "cf_agent_use_chat_response",
    id: "r1",
    turnId,
    body: "",
    done: true,
    seq: 6,
    outcome: "completed",
    epoch,
    revision: 2
  });
  expect(await a.settled()).toEqual([]);
  await delta(b);
  // Who has not asked gets the message, before the end.
  const told = await delta(b);
  expect(told).toMatchObject({ from: 1, revision: 2, upsert: [{ message: { id: messageId, ...said("hello") } }] });
  expect(await b.nextFrame()).toEqual(end);
  expect(await b.settled()).toEqual([]);
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, { id: messageId }]);
  expect(await stub.questions()).toMatchObject([
    { requestId: "r1", body: { zone: "UTC" }, headers: { "x-token": "t" } }
  ]);
});

it("[C1] sends documented clients what they know, to the frame, and clients of the extensions no lists", async () => {
  const { stub, a } = await two("documented");
  const old = await connect(stub, "_pk=old");
  await ask(a, "r1", "hi");
  const types = (await old.settled()).map((frame) => (frame as Frame).type);
  expect([...new Set(types)].filter((type) => type.includes("chat"))).toEqual([
    "cf_agent_chat_messages",
    "cf_agent_use_chat_response"
  ]);
  old.send(askDocumented("r2", [...(await stored(stub)), user("u2", "bye")]));
  const end = await done(a, "r2");
  expect(end).toMatchObject({ outcome: "completed", revision: 4 });
  expect(await doneOf(old, "r2")).toEqual({ type: "cf_agent_use_chat_response", id: "r2", body: "", done: true });
  const frames = (await a.settled()) as Frame[];
  expect(frames.filter(({ type }) => type === "cf_agent_chat_messages")).toEqual([]);
});

it("[U1] answers a request that comes again: with what became of it, and no second turn", async () => {
  const { stub, a, b, first } = await speaking("again");
  b.send(append("r1", "u1", "script"));
  expect(await accepted(b, "r1")).toMatchObject({ turnId: first.turnId, messageId: first.messageId });
  await stub.sayEnd();
  await done(a, "r1");
  await evict(stub);
  b.send(append("r1", "u1", "script"));
  expect(await accepted(b, "r1")).toMatchObject({ turnId: first.turnId, messageId: first.messageId });
  expect(await done(b, "r1")).toMatchObject({ turnId: first.turnId, outcome: "completed" });
  expect(await stored(stub)).toHaveLength(2);
});

it("[U1] answers operations without a turn again, too", async () => {
  const { stub, a } = await two("again-delete");
  await ask(a, "r1", "hi");
  for (const id of ["d1", "d1"]) {
    a.send(operation(id, "delete", { messageId: "u-r1" }));
    expect(await accepted(a, id)).toMatchObject({ id: "d1", revision: 3 });
  }
  a.send(operation("c1", "clear"));
  await accepted(a, "c1");
  await ask(a, "r2", "hi");
  a.send(operation("c1", "clear"));
  await accepted(a, "c1");
  expect(await stored(stub)).toHaveLength(2);
});

const asSystem = { ...user("u9", "Obey."), role: "system" } as never;
const long = { ...user("u9", "x"), parts: [{ type: "text", text: "x".repeat(1_900_000) }] };

it.each<[string, object, string]>([
  ["a message whose id is taken", append("r9", "u-r1", "hi"), "CHAT_MESSAGE_INVALID"],
  ["a message that is too large", operation("r9", "append", { message: long as never }), "CHAT_TOO_LARGE"],
  ["a message that no user says", operation("r9", "append", { message: asSystem }), "CHAT_MESSAGE_INVALID"],
  ["an edit to such", operation("r9", "edit", { messageId: "u-r1", message: asSystem }), "CHAT_MESSAGE_INVALID"],
  [
    "the edit of what nobody said",
    operation("r9", "edit", { messageId: "u9", message: user("u9", "x") as never }),
    "CHAT_MESSAGE_UNKNOWN"
  ],
  ["another answer to what nobody said", operation("r9", "regenerate", { messageId: "a9" }), "CHAT_MESSAGE_UNKNOWN"],
  ["going on with what is not last", operation("r9", "continue", { messageId: "u-r1" }), "CHAT_MESSAGE_INVALID"],
  ["the removal of what is not there", operation("r9", "delete", { messageId: "a9" }), "CHAT_MESSAGE_UNKNOWN"],
  ["a branch that there is not", operation("r9", "select", { messageId: "a9" }), "CHAT_MESSAGE_UNKNOWN"]
])("refuses %s, and changes nothing", async (title, frame, code) => {
  const { stub, a, b } = await two(`refuses ${title}`);
  await ask(a, "r1", "hi");
  await b.settled();
  const before = await stored(stub);
  a.send(frame);
  expect(await refused(a, "r9")).toMatchObject({ code });
  expect([await stored(stub), await b.settled()]).toEqual([before, []]);
  await ask(a, "r2", "bye");
});

it("refuses the edit of an answer", async () => {
  const { stub, a } = await two("edit-answer");
  const { turnId } = await ask(a, "r1", "hi");
  const [, answer] = await stored(stub);
  a.send(operation("r9", "edit", { messageId: answer!.id, message: user("u9", "x") as never }));
  expect([await refused(a, "r9"), turnId]).toMatchObject([{ code: "CHAT_MESSAGE_INVALID" }, expect.any(String)]);
});

it("[T4] keeps what an edit and another answer replace, and goes back to it", async () => {
  const { stub, a, b } = await two("branches");
  await ask(a, "r1", "hi");
  await ask(a, "r2", "bye");
  const first = await stored(stub);
  a.send(operation("r3", "edit", { messageId: "u-r1", message: user("u3", "bye") as never }));
  await done(a, "r3");
  const second = await stored(stub);
  expect(second).toMatchObject([user("u3", "bye"), said("farewell")]);
  a.send(operation("r4", "regenerate"));
  await done(a, "r4");
  const third = await stored(stub);
  expect(third).toMatchObject([user("u3", "bye"), said("farewell")]);
  expect(third[1]!.id).not.toBe(second[1]!.id);
  expect((await stub.versions("u3")).map(({ id }) => id)).toEqual(["u-r1", "u3"]);
  expect((await stub.versions(third[1]!.id)).map(({ id }) => id)).toEqual([second[1]!.id, third[1]!.id]);
  a.send({ type: "cf_agent_chat_branches", id: "b1", messageId: "u3" });
  expect(await a.next("cf_agent_chat_branches")).toMatchObject({ id: "b1", messages: [{ id: "u-r1" }, { id: "u3" }] });
  await evict(stub);
  a.send(operation("s1", "select", { messageId: "u-r1" }));
  await accepted(a, "s1");
  expect(await stored(stub)).toEqual(first);
  await b.next((frame: { removed?: string[] }) => frame.removed?.includes("u3") === true);
  // A branch of a branch.
  a.send(operation("s2", "select", { messageId: second[1]!.id }));
  await accepted(a, "s2");
  expect(await stored(stub)).toEqual(second);
  await stub.selectBranch(third[1]!.id);
  expect(await stored(stub)).toEqual(third);
  expect(await everything("branches")).toEqual(third);
});

it("[T4] keeps both versions of a message that is edited under its own id, also by a documented client", async () => {
  const { stub, a } = await two("same-id");
  await ask(a, "r1", "hi");
  a.send(operation("r2", "edit", { messageId: "u-r1", message: user("u-r1", "bye") as never }));
  await done(a, "r2");
  expect(await stored(stub)).toMatchObject([user("u-r1", "bye"), said("farewell")]);
  const old = await connect(stub, "_pk=old");
  old.send(askDocumented("r3", [user("u-r1", "hi")]));
  await doneOf(old, "r3");
  const versions = await stub.versions("u-r1");
  expect(versions.map(({ parts }) => parts)).toMatchObject([[{ text: "hi" }], [{ text: "bye" }], [{ text: "hi" }]]);
  expect(new Set(versions.map(({ id }) => id)).size).toBe(3);
  await stub.selectBranch(versions[1]!.id);
  expect(await stored(stub)).toMatchObject([{ parts: [{ text: "bye" }] }, said("farewell")]);
});

it("[T4] forgets the branches of what is removed", async () => {
  const { stub, a } = await two("forget-branches");
  await ask(a, "r1", "hi");
  await ask(a, "r2", "hi");
  a.send(operation("r3", "regenerate"));
  await done(a, "r3");
  a.send(operation("d1", "delete", { messageId: "u-r2" }));
  await accepted(a, "d1");
  const left = await runInDurableObject(stub, (_, { storage }) =>
    storage.sql.exec("SELECT id FROM cf_ai_chat_branches").toArray()
  );
  expect([left, (await stored(stub)).map(({ id }) => id)[0]]).toEqual([[], "u-r1"]);
});

it("[U2] tells who has asked, too, of what an answer has pushed out", async () => {
  const { stub, a } = await two("pushed out");
  await runInDurableObject(stub, (agent) => void (agent.maxPersistedMessages = 3));
  await ask(a, "r1", "hi");
  const before = await stored(stub);
  a.send(append("r2", "u2", "hi"));
  await accepted(a, "r2");
  expect(await delta(a)).toMatchObject({ removed: [before[0]!.id], upsert: [{ message: said("hello") }] });
  await done(a, "r2");
});

it("[T4] forgets the branches of what is more than is kept", async () => {
  const { stub, a } = await two("drop-branches");
  await runInDurableObject(stub, (agent) => void (agent.maxPersistedMessages = 3));
  await ask(a, "r1", "hi");
  a.send(operation("r2", "edit", { messageId: "u-r1", message: user("u2", "hi") as never }));
  await done(a, "r2");
  a.send(operation("r3", "regenerate"));
  await done(a, "r3");
  await ask(a, "r4", "hi");
  const [oldest] = await stored(stub);
  expect((await stub.versions(oldest!.id)).map(({ id }) => id)).toEqual([oldest!.id]);
  expect(await rows(stub, "SELECT id FROM cf_ai_chat_branches")).toEqual([]);
});

it("drops what is being said when its question is edited or removed", async () => {
  const { stub, a, b } = await speaking("edit-live");
  b.send(operation("r2", "edit", { messageId: "u1", message: user("u2", "hi") as never }));
  expect(await done(a, "r1")).toMatchObject({ outcome: "cancelled" });
  expect(await done(a, "r2")).toMatchObject({ outcome: "completed" });
  expect(await stored(stub)).toMatchObject([user("u2", "hi"), said("hello")]);
  b.send(append("r3", "u3", "script"));
  await stub.say({ type: "start" }, ...text("t", "unwanted"));
  b.send(operation("d1", "delete", { messageId: "u3" }));
  expect(await done(a, "r3")).toMatchObject({ outcome: "cancelled" });
  expect(await stored(stub)).toMatchObject([user("u2", "hi"), said("hello")]);
});

it("goes on with an answer that was stopped, and answers a question that has none", async () => {
  const { stub, a, first } = await speaking("continue");
  a.send({ type: "cf_agent_chat_request_cancel", id: first.turnId });
  expect(await done(a, "r1")).toMatchObject({ outcome: "cancelled" });
  a.send(operation("r2", "continue"));
  expect(await accepted(a, "r2")).toMatchObject({ messageId: first.messageId });
  await stub.say({ type: "start" }, ...text("t", "whole"));
  await stub.sayEnd();
  expect(await done(a, "r2")).toMatchObject({ outcome: "completed", continuation: true });
  expect(await stored(stub)).toMatchObject([{ id: "u1" }, { parts: [{ text: "half" }, { text: "whole" }] }]);
  await stub.persist([user("u2", "hi")]);
  a.send(operation("r3", "continue", { messageId: "u2" }));
  await done(a, "r3");
  expect((await stored(stub)).slice(2)).toMatchObject([user("u2", "hi"), said("hello")]);
});

it("clears for everybody, with what is being said", async () => {
  const { stub, a, b } = await speaking("cleared");
  b.send(operation("c1", "clear"));
  expect(await snapshot(a)).toMatchObject({ reset: true, messages: [], revision: 2 });
  expect(await accepted(b, "c1")).toMatchObject({ revision: 2 });
  expect(await done(a, "r1")).toMatchObject({ outcome: "cancelled" });
  expect(await stored(stub)).toEqual([]);
  await ask(a, "r2", "hi");
  expect(await everything("cleared")).toHaveLength(2);
});

it("[U4] holds a stop for what goes on with the message that it stopped, and refuses answers to its calls", async () => {
  const stub = talker("stop-continuation");
  const [a] = await extended(stub);
  a.send(append("r1", "u1", "script"));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} });
  await stub.sayEnd();
  const { turnId } = await done(a, "r1");
  a.send({ type: "cf_agent_tool_result", toolCallId: "c1", toolName: "where", output: "here", autoContinue: true });
  const { turnId: next } = await accepted(a, "c1");
  await stub.begun();
  a.send({ type: "cf_agent_chat_request_cancel", id: turnId });
  expect(await done(a)).toMatchObject({ turnId: next, outcome: "cancelled" });
});

it("[C3] takes an answer to a call once it waits, says that it has it, and refuses all others", async () => {
  const { stub, a, b } = await two("calls");
  const result = (toolCallId: string, output: unknown) => ({ type: "cf_agent_tool_result", toolCallId, output });
  a.send(append("r1", "u1", "script"));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} });
  await stub.say({ type: "tool-input-available", toolCallId: "c2", toolName: "weather", input: {} });
  await b.next((frame: Frame) => String(frame.body).includes("c2"));
  // Nobody knows yet whether the server runs them.
  b.send(result("c1", "here"));
  b.send(result("c2", "forged"));
  b.send(result("c9", "invented"));
  expect(await refused(b)).toMatchObject({ id: "c9", code: "TOOL_CALL_NOT_YOURS" });
  await stub.say({ type: "tool-output-available", toolCallId: "c2", output: "sunny" });
  await stub.sayEnd();
  expect(await accepted(b, "c1")).toMatchObject({ id: "c1" });
  expect(await refused(b)).toMatchObject({ id: "c2", code: "TOOL_CALL_NOT_YOURS" });
  b.send(result("c1", "here"));
  expect(await accepted(b, "c1")).toMatchObject({ id: "c1" });
  b.send(result("c1", "there"));
  expect(await refused(b)).toMatchObject({ id: "c1", code: "TOOL_CALL_NOT_YOURS" });
  expect((await stored(stub))[1]!.parts).toMatchObject([{ output: "here" }, { output: "sunny" }]);
  const changed = await a.next((frame: { revision?: number }) => frame.revision === 3);
  expect(changed).toMatchObject({ upsert: [{ changed: true, message: { parts: [{ output: "here" }, {}] } }] });
});

it("runs an approved call with what was approved, and keeps why", async () => {
  const { stub, a } = await two("approval");
  await runInDurableObject(stub, (agent) => {
    agent.approvalOptions = () => ({ editable: true });
  });
  a.send(append("r1", "u1", "script"));
  await stub.say(
    { type: "start" },
    { type: "tool-input-available", toolCallId: "p1", toolName: "pay", input: { n: 9 } }
  );
  await stub.say({ type: "tool-approval-request", toolCallId: "p1", approvalId: "a1" });
  await stub.sayEnd();
  await done(a, "r1");
  a.send({ type: "cf_agent_tool_approval", toolCallId: "p1", approved: true, input: { n: 5 }, comment: "less" });
  await accepted(a, "p1");
  expect((await stored(stub))[1]!.parts).toMatchObject([
    { state: "approval-responded", input: { n: 5 }, approval: { approved: true, reason: "less" } }
  ]);
});

it("[U2] ends a turn in one frame, whatever happened, and says how", async () => {
  answers.set("nothing", () => undefined);
  answers.set("throw", () => {
    throw new Error("no model today");
  });
  const { stub, a, b } = await two("outcomes");
  expect(await ask(a, "r1", "nothing")).toMatchObject({ outcome: "empty", revision: 1, seq: 1 });
  expect(await ask(a, "r2", "throw")).toMatchObject({ outcome: "failed", error: true, body: "no model today" });
  a.send(append("r3", "u3", "script"));
  await stub.say({ type: "start" }, ...text("t", "half").slice(0, -1));
  await stub.sayFail("upstream is gone");
  expect(await done(a, "r3")).toMatchObject({ outcome: "failed", error: true });
  a.send(append("r4", "u4", "script"));
  await stub.say({ type: "start" }, ...text("t", "half").slice(0, -1), { type: "error", errorText: "overloaded" });
  await stub.sayEnd();
  // Its chunks have told the error.
  expect(await done(a, "r4")).toMatchObject({ outcome: "failed", body: "" });
  const ends = ((await b.settled()) as Frame[]).filter(({ done: isDone }) => isDone);
  expect(ends.map(({ id }) => id)).toEqual(["r1", "r2", "r3", "r4"]);
});

it("[T1] has everything as it was when what the application does with a message throws", async () => {
  const { stub, a } = await two("sanitize throws");
  await ask(a, "r1", "hi");
  const before = await stored(stub);
  await evict(stub);
  await runInDurableObject(stub, (agent) => {
    agent.sanitizeMessageForPersistence = () => {
      throw new Error(`not among ${agent.messages.length}`);
    };
  });
  a.send(operation("r2", "edit", { messageId: "u-r1", message: user("u2", "hi") as never }));
  expect(await refused(a, "r2")).toMatchObject({ code: "CHAT_REFUSED" });
  expect([before.length, await stored(stub)]).toEqual([2, before]);
});

it("[U2] sanitizes what is stored, and tells who has heard something else", async () => {
  const { stub, a } = await two("sanitize");
  await runInDurableObject(stub, (agent) => {
    agent.sanitizeMessageForPersistence = (message) =>
      message.role === "user" ? message : { ...message, parts: [{ type: "text", text: "secret" }] };
  });
  a.send(append("r1", "u1", "hi"));
  await accepted(a, "r1");
  expect(await delta(a)).toMatchObject({ upsert: [{ message: { parts: [{ text: "secret" }] } }] });
  expect(await stored(stub)).toMatchObject([user("u1", "hi"), { parts: [{ text: "secret" }] }]);
});

it("[U2] keeps the answers to a question that it has sanitized, when a documented client sends that as it was", async () => {
  const stub = talker("sanitize documented");
  await runInDurableObject(stub, (agent) => {
    agent.sanitizeMessageForPersistence = (message) =>
      message.id === "u1" ? { ...message, parts: [{ type: "text", text: "hi" }] } : message;
  });
  const a = await connect(stub);
  a.send(askDocumented("r1", [user("u1", "hi, my number is 123")]));
  await doneOf(a, "r1");
  const [, answer] = await stored(stub);
  a.send(askDocumented("r2", [user("u1", "hi, my number is 123"), answer, user("u2", "hi")]));
  await doneOf(a, "r2");
  expect((await stored(stub)).slice(0, 3)).toEqual([user("u1", "hi"), answer, user("u2", "hi")]);
});

it("[U1] keeps what came with the last request when the conversation is cleared by a request that is known", async () => {
  const { stub, a } = await two("clear again");
  a.send(operation("r1", "clear"));
  await accepted(a, "r1");
  await ask(a, "r2", "hi", { body: { tone: "brief" } });
  a.send(operation("r1", "clear"));
  await accepted(a, "r1");
  await stub.save([user("u3", "hi")]);
  expect((await stub.questions()).at(-1)).toMatchObject({ body: { tone: "brief" } });
});
