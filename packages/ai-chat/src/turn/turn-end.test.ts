import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { runInDurableObject } from "cloudflare:test";
import { subscribe, type ChannelEventMap } from "agents/observability";
import { openTelemetry } from "agents/observability/otel";
import { afterAll, expect, it } from "vitest";
import { connect } from "../../../agents/src/test/kit";
import { answers, textAnswer } from "../test/script";
import { ask, doneOf, talker, user } from "../test/chat-kit";

// `turn:end`, of which OpenTelemetry makes its spans.

type TurnEnd = Extract<ChannelEventMap["message"], { type: "turn:end" }>;
const heard: TurnEnd[] = [];
const stop = subscribe("message", (event) => {
  if (event.type === "turn:end") heard.push(event);
});
afterAll(stop);
const endsOf = (name: string) => heard.filter((event) => event.name === name);

answers.set("s3cret hi", () => textAnswer("s3cret hello"));

it("tells of a turn who asked, how it ended and when, and nothing of what was said", async () => {
  const a = await connect(talker("end plain"));
  const before = Date.now();
  a.send(ask("r1", [user("u1", "s3cret hi")]));
  await doneOf(a);
  const [{ payload, timestamp }] = endsOf("end plain") as [TurnEnd];
  expect(payload).toEqual({
    turnId: expect.any(String),
    requestId: "r1",
    messageId: expect.any(String),
    operation: "append",
    outcome: "completed",
    attempts: 1,
    startedMs: expect.any(Number),
    firstChunkMs: expect.any(Number),
    toolCalls: []
  });
  expect(
    before <= payload.startedMs && payload.startedMs <= payload.firstChunkMs! && payload.firstChunkMs! <= timestamp
  ).toBe(true);
});

it("tells of the model, its tokens, and of each call that had a result or an error", async () => {
  const stub = talker("end tools");
  const a = await connect(stub);
  a.send(ask("r1", [user("u1", "script")]));
  const call = (toolCallId: string, toolName: string) => ({
    type: "tool-input-available" as const,
    toolCallId,
    toolName,
    input: { key: "s3cret" }
  });
  await stub.say({ type: "start" }, call("c1", "search"), call("c2", "pay"), call("c3", "where"));
  await stub.say(
    { type: "tool-output-available", toolCallId: "c1", output: "half", preliminary: true },
    { type: "tool-output-available", toolCallId: "c1", output: "s3cret" },
    { type: "tool-output-error", toolCallId: "c2", errorText: "declined" },
    {
      type: "finish",
      messageMetadata: { model: "m1", totalUsage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 } }
    }
  );
  await stub.sayEnd();
  await doneOf(a);
  const [{ payload }] = endsOf("end tools") as [TurnEnd];
  const times = { startedMs: expect.any(Number), endedMs: expect.any(Number) };
  expect(payload).toMatchObject({ model: "m1", inputTokens: 1, outputTokens: 2, totalTokens: 3 });
  expect(payload.toolCalls).toEqual([
    { toolCallId: "c1", toolName: "search", ...times },
    { toolCallId: "c2", toolName: "pay", ...times, error: "declined" }
  ]);
  expect(JSON.stringify(payload)).not.toContain("s3cret");
});

it("tells of a call that was approved in the turn in which it ran", async () => {
  const stub = talker("end approved");
  const a = await connect(stub);
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say(
    { type: "start" },
    { type: "tool-input-available", toolCallId: "c1", toolName: "pay", input: {} },
    { type: "tool-approval-request", approvalId: "p1", toolCallId: "c1" }
  );
  await stub.sayEnd();
  await doneOf(a);
  a.send({ type: "cf_agent_tool_approval", toolCallId: "c1", approved: true, autoContinue: true });
  await stub.begun();
  await stub.say({ type: "start" }, { type: "tool-output-available", toolCallId: "c1", output: "paid" });
  await stub.sayEnd();
  await doneOf(a);
  expect(endsOf("end approved").map(({ payload }) => payload.toolCalls.map(({ toolName }) => toolName))).toEqual([
    [],
    ["pay"]
  ]);
  const { startedMs, toolCalls } = endsOf("end approved")[1]!.payload;
  expect(toolCalls[0]!.startedMs).toBe(startedMs);
});

it("tells of a turn that failed, and of one that was stopped", async () => {
  const stub = talker("end badly");
  const a = await connect(stub);
  a.send(ask("r1", [user("u1", "script")]));
  await stub.sayFail("upstream is gone");
  await doneOf(a);
  a.send(ask("r2", [user("u1", "script"), user("u2", "script")]));
  await stub.begun();
  a.send({ type: "cf_agent_chat_request_cancel", id: "r2" });
  await doneOf(a);
  expect(endsOf("end badly").map(({ payload: { outcome, error } }) => [outcome, error])).toEqual([
    ["failed", "upstream is gone"],
    ["cancelled", undefined]
  ]);
});

it("is a span of the agent, with one for each tool call below it, where the agent has openTelemetry()", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const stub = talker("end traced");
  const observability = openTelemetry({ tracer: provider.getTracer("test") });
  await runInDurableObject(stub, (agent) => void (agent.observability = observability));
  const a = await connect(stub);
  a.send(ask("r1", [user("u1", "script")]));
  await stub.say(
    { type: "start" },
    { type: "tool-input-available", toolCallId: "c1", toolName: "search", input: { q: "s3cret" } },
    { type: "tool-output-available", toolCallId: "c1", output: "s3cret" }
  );
  await stub.sayEnd();
  await doneOf(a);
  const [turn, call] = exporter.getFinishedSpans();
  expect([turn!.name, turn!.attributes["gen_ai.conversation.id"]]).toEqual(["invoke_agent Talker", "end traced"]);
  expect([call!.name, call!.parentSpanContext?.spanId]).toEqual(["execute_tool search", turn!.spanContext().spanId]);
  expect(JSON.stringify([turn!.attributes, call!.attributes])).not.toContain("s3cret");
});
