import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect } from "../../agents/src/test/kit";
import { ask, doneOf, stored, talker, user, type Frame } from "./test/chat-kit";
import type { Talker } from "./test/worker";

/** A conversation in which the tool `where` was called and waits, and one of `pay` waits for approval. */
async function conversation(name: string) {
  const stub = talker(`authorize ${name}`);
  const [a, b] = [await connect(stub, "_pk=a"), await connect(stub, "_pk=b")];
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say(
    { type: "start" },
    { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} },
    { type: "tool-input-available", toolCallId: "c2", toolName: "pay", input: {}, dynamic: true },
    { type: "tool-approval-request", approvalId: "p2", toolCallId: "c2" }
  );
  await stub.sayEnd();
  await doneOf(a);
  await b.next<Frame>(({ type, messages }) => type === "cf_agent_chat_messages" && messages.length === 2);
  const inside = <Result>(run: (agent: Talker) => Result) => runInDurableObject(stub, run);
  await inside(({ operations }) => operations.splice(0));
  /** Without the barrier of the test, which is a call. */
  const asked = () => inside(({ operations }) => operations.filter(({ type }) => type !== "call"));
  return { stub, a, b, inside, asked };
}

const rows: [frame: Record<string, unknown>, operation: object][] = [
  [ask("r2", [user("u2", "hi")]), { type: "chat-request" }],
  [{ type: "cf_agent_chat_messages", messages: [] }, { type: "chat-rewrite" }],
  [{ type: "cf_agent_chat_clear" }, { type: "chat-clear" }],
  [
    { type: "cf_agent_chat_request_cancel", id: "r9" },
    { type: "chat-cancel", requestId: "r9" }
  ],
  [{ type: "cf_agent_stream_resume_ack", id: "r1" }, { type: "chat-resume" }],
  [
    { type: "cf_agent_tool_result", toolCallId: "c1", toolName: "harmless", output: 1 },
    { type: "tool-result", toolCallId: "c1", toolName: "where" }
  ],
  [
    { type: "cf_agent_tool_result", toolCallId: "c9", toolName: "where", output: 1 },
    { type: "tool-result", toolCallId: "c9", toolName: "" }
  ],
  [
    { type: "cf_agent_tool_approval", toolCallId: "c2", approved: true },
    { type: "tool-approval", toolCallId: "c2", toolName: "pay", approved: true }
  ]
];

it.each(rows.map(([frame, operation]) => [JSON.stringify(frame), frame, operation] as const))(
  "asks once whether a connection may send %s, and a refusal changes nothing",
  async (title, frame, operation) => {
    const { stub, a, b, inside, asked } = await conversation(title);
    const before = await stored(stub);
    const { type } = operation as { type: never };
    await inside(({ forbidden }) => forbidden.add(type));
    b.send(frame);
    // Who asks waits for an answer; for the other frames, clients of this protocol know no refusal.
    const refusal = {
      type: "cf_agent_use_chat_response",
      id: "r2",
      body: "Not allowed",
      done: true,
      error: true
    };
    expect(await b.settled()).toEqual(type === "chat-request" ? [refusal] : []);
    expect([await asked(), await stored(stub)]).toEqual([[operation], before]);
    expect([a.pending, await stub.reported()]).toEqual([[], []]);
  }
);

it("does not let a connection resume that may not", async () => {
  const { b, inside, asked } = await conversation("resume");
  await inside(({ forbidden }) => forbidden.add("chat-resume"));
  b.send({ type: "cf_agent_stream_resume_request" });
  expect([await b.settled(), await asked()]).toEqual([[], [{ type: "chat-resume" }]]);
});

it("knows the tool of a call while its message is being said", async () => {
  const stub = talker("authorize live");
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say({ type: "start" }, { type: "tool-input-available", toolCallId: "c1", toolName: "where", input: {} });
  await a.next<Frame>(({ body }) => String(body).includes("c1"));
  a.send({ type: "cf_agent_tool_result", toolCallId: "c1", toolName: "other", output: "here" });
  a.send({ type: "cf_agent_tool_result", toolCallId: "c2", toolName: "other", output: "before there is a call" });
  a.send({ type: "cf_agent_stream_resume_request" });
  await a.next("cf_agent_stream_resuming");
  a.send({ type: "cf_agent_stream_resume_ack", id: "r1" });
  await stub.say({ type: "tool-input-available", toolCallId: "c2", toolName: "pay", input: {} });
  await stub.sayEnd();
  await doneOf(a);
  await a.next("cf_agent_message_updated");
  await a.settled();
  // The second result had come before anybody could have been asked whether it may.
  expect(await stored(stub)).toMatchObject([
    {},
    { parts: [{ state: "output-available" }, { state: "input-available" }] }
  ]);
  const operations = await runInDurableObject(stub, (agent) =>
    agent.operations.filter(({ type }) => type === "tool-result")
  );
  expect(operations).toMatchObject([
    { toolCallId: "c1", toolName: "where" },
    { toolCallId: "c2", toolName: "" }
  ]);
});
