import { SpanKind, SpanStatusCode, type HrTime } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { approvalsOf } from "../approvals";
import { connect } from "../test/kit";
import { channels, subscribe, type Observability, type ObservabilityEvent } from ".";
import { openTelemetry, recordSpan } from "./otel";

/** A tracer whose spans are kept. */
function tracing() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const spans = () =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      kind: span.kind,
      startMs: msOf(span.startTime),
      endMs: msOf(span.endTime),
      status: span.status,
      attributes: span.attributes,
      id: span.spanContext().spanId,
      traceId: span.spanContext().traceId,
      parent: span.parentSpanContext?.spanId
    }));
  return { tracer: provider.getTracer("test"), spans };
}
const msOf = ([seconds, nanoseconds]: HrTime) => seconds * 1_000 + nanoseconds / 1e6;

const of = { agent: "ChatAgent", name: "room-1", timestamp: 9_000 };
const from = {
  "gen_ai.agent.name": "ChatAgent",
  "gen_ai.agent.id": "ChatAgent/room-1",
  "gen_ai.conversation.id": "room-1"
};
const turn = {
  turnId: "t",
  requestId: "r",
  messageId: "m",
  operation: "append",
  outcome: "completed",
  attempts: 1,
  startedMs: 1_000,
  firstChunkMs: 1_250,
  model: "model-1",
  inputTokens: 10,
  outputTokens: 20,
  totalTokens: 30,
  toolCalls: [
    { toolCallId: "c1", toolName: "weather", startedMs: 2_000, endedMs: 3_000 },
    { toolCallId: "c2", toolName: "pay", startedMs: 4_000, endedMs: 5_000, error: "declined" }
  ]
};

describe("a span", () => {
  it("[O6] of a turn has its model, tokens and time, and its tool calls below it", () => {
    const { tracer, spans } = tracing();
    expect(recordSpan({ type: "turn:end", ...of, payload: turn }, tracer)).toBe(true);
    const [agent, weather, pay] = spans();
    expect(agent).toMatchObject({
      name: "invoke_agent ChatAgent",
      kind: SpanKind.INTERNAL,
      startMs: 1_000,
      endMs: 9_000,
      status: { code: SpanStatusCode.UNSET },
      parent: undefined
    });
    expect(agent!.attributes).toEqual({
      ...from,
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.response.model": "model-1",
      "gen_ai.usage.input_tokens": 10,
      "gen_ai.usage.output_tokens": 20,
      "agents.turn.id": "t",
      "agents.turn.request_id": "r",
      "agents.turn.operation": "append",
      "agents.turn.outcome": "completed",
      "agents.turn.attempts": 1,
      "agents.turn.time_to_first_chunk": 0.25
    });
    expect(weather).toMatchObject({
      name: "execute_tool weather",
      startMs: 2_000,
      endMs: 3_000,
      parent: agent!.id,
      traceId: agent!.traceId,
      attributes: {
        ...from,
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.type": "function"
      }
    });
    expect(pay).toMatchObject({
      parent: agent!.id,
      status: { code: SpanStatusCode.ERROR, message: "declined" },
      attributes: { "error.type": "_OTHER" }
    });
  });

  it.each([
    ["failed", { outcome: "failed", error: "overloaded" }, { code: SpanStatusCode.ERROR, message: "overloaded" }],
    ["was stopped", { outcome: "cancelled" }, { code: SpanStatusCode.UNSET }]
  ])("[O6] of a turn that %s says so", (_, how, status) => {
    const { tracer, spans } = tracing();
    recordSpan({ type: "turn:end", ...of, payload: { ...turn, ...how, toolCalls: [] } }, tracer);
    expect(spans()).toMatchObject([{ status, attributes: { "agents.turn.outcome": how.outcome } }]);
  });

  it.each([
    [
      "a call at another server",
      "mcp:client:call",
      { serverId: "s" },
      SpanKind.CLIENT,
      { "agents.mcp.server.id": "s" }
    ],
    ["a call of a client", "mcp:server:call", { sessionId: "s" }, SpanKind.SERVER, { "mcp.session.id": "s" }]
  ] as const)("[O6] of %s has its method and tool", (_, type, who, kind, own) => {
    const { tracer, spans } = tracing();
    const record = (payload: object) =>
      recordSpan({ type, ...of, payload: { startedMs: 8_000, ...who, ...payload } } as ObservabilityEvent, tracer);
    record({ method: "tools/call", name: "add", error: "no numbers" });
    record({ method: "resources/read", name: "file:///a" });
    record({ method: "tools/list" });
    expect(spans()).toMatchObject([
      {
        name: "tools/call add",
        kind,
        startMs: 8_000,
        endMs: 9_000,
        status: { code: SpanStatusCode.ERROR, message: "no numbers" },
        attributes: {
          ...from,
          ...own,
          "mcp.method.name": "tools/call",
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": "add"
        }
      },
      { name: "resources/read", attributes: { "mcp.resource.uri": "file:///a" } },
      { name: "tools/list", attributes: { "mcp.method.name": "tools/list" } }
    ]);
  });

  it("[O6] is made of no other event", () => {
    const { tracer, spans } = tracing();
    expect(recordSpan({ type: "rpc", ...of, payload: { method: "toString" } }, tracer)).toBe(false);
    expect(recordSpan({ type: "toString", ...of, payload: {} } as never, tracer)).toBe(false);
    expect(spans()).toEqual([]);
  });
});

describe("an agent with openTelemetry()", () => {
  it("[O6] has a span for each approval, from the request to the decision or the end", async () => {
    const { tracer, spans } = tracing();
    const stub = env.Approver.get(env.Approver.idFromName("otel"));
    await runInDurableObject(stub, (agent) => {
      agent.observability = openTelemetry({ tracer });
      const approvals = approvalsOf(agent);
      approvals.request({ id: "a", subject: "refund", args: { card: "s3cret" } });
      approvals.decide("a", { approved: false, by: "ada" });
    });
    expect(spans()).toMatchObject([
      {
        name: "approval refund",
        attributes: {
          "gen_ai.agent.name": "Approver",
          "agents.approval.id": "a",
          "agents.approval.source": "program",
          "agents.approval.subject": "refund",
          "agents.approval.decision": "rejected"
        }
      }
    ]);
    expect(JSON.stringify(spans())).not.toContain("s3cret");
  });

  it("[O7] still publishes on the channels, and builds nothing that nobody wants", async () => {
    const { tracer } = tracing();
    const observability = openTelemetry({ tracer });
    expect(["turn:end", "rpc"].map((type) => observability.wants!(type))).toEqual([true, false]);
    const heard = vi.fn();
    const stop = subscribe("rpc", heard);
    const stub = env.Recorder.get(env.Recorder.idFromName("otel"));
    await runInDurableObject(stub, (agent) => void (agent.observability = observability));
    await (await connect(stub)).call("add", 1, 1);
    stop();
    expect(heard).toHaveBeenCalledTimes(1);
    const build = vi.fn();
    observability.unwanted!("rpc", build);
    expect(build).not.toHaveBeenCalled();
  });

  it("[O7] hands everything on to another observability, or nothing", () => {
    const { tracer, spans } = tracing();
    const event: ObservabilityEvent = { type: "turn:end", ...of, payload: { ...turn, toolCalls: [] } };
    const next: Required<Observability> = { emit: vi.fn(), wants: (type) => type === "rpc", unwanted: vi.fn() };
    const chained = openTelemetry({ tracer, next });
    expect(["rpc", "connect"].map((type) => chained.wants!(type))).toEqual([true, false]);
    chained.emit(event);
    expect([vi.mocked(next.emit).mock.calls, vi.mocked(next.unwanted).mock.calls[0]![0]]).toEqual([[], "turn:end"]);
    const published = vi.spyOn(channels.message, "publish");
    openTelemetry({ tracer, next: undefined }).emit(event);
    expect(published).not.toHaveBeenCalled();
    expect(spans()).toHaveLength(2);
  });
});
