import {
  context as contexts,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Tracer
} from "@opentelemetry/api";
import type { ChannelEventMap, ObservabilityEvent } from "./events";
import { genericObservability, type Observability } from "./observability";

export interface OpenTelemetryOptions {
  /** Makes the spans. Without it: that of the global provider, under the name `agents`. */
  tracer?: Tracer;
  /** Where events go as well. The diagnostics channels, if left out. */
  next?: Observability | undefined;
}

/**
 * An observability that makes spans of turns, tool calls, approvals and MCP calls, by OpenTelemetry's conventions for generative AI. All
 * other events only go on to `next`. Nothing that was said, and no input or output of a tool, is in a span.
 *
 * @example
 * const observability = openTelemetry();
 * export class ChatAgent extends AIChatAgent<Env> { observability = observability; }
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Observability {
  const { tracer } = options;
  const next = "next" in options ? options.next : genericObservability;
  const goesOn = (type: string) => next !== undefined && next.wants?.(type) !== false;
  return {
    wants: (type) => Object.hasOwn(recorders, type) || goesOn(type),
    emit(event) {
      recordSpan(event, tracer);
      if (goesOn(event.type)) next?.emit(event);
      else next?.unwanted?.(event.type, () => event);
    },
    unwanted: (type, build) => next?.unwanted?.(type, build)
  };
}

/**
 * Makes the spans of one event, if it is one that has some: for a Tail Worker, or a listener of the channels, where the agent itself has
 * nothing to do with OpenTelemetry.
 *
 * @param event as it was published
 * @param tracer without it, that of the global provider, under the name `agents`
 * @returns whether there was a span to make
 * @example
 * for (const { message } of event.diagnosticsChannelEvents) recordSpan(message as ObservabilityEvent, tracer);
 */
export function recordSpan(event: ObservabilityEvent, tracer: Tracer = trace.getTracer("agents")): boolean {
  // A type may come from anywhere.
  if (!Object.hasOwn(recorders, event.type)) return false;
  // The table has a recorder for the events of its key.
  const record = recorders[event.type] as (event: ObservabilityEvent, tracer: Tracer) => void;
  record(event, tracer);
  return true;
}

type EventOf<Type extends ObservabilityEvent["type"]> = Extract<ChannelEventMap[keyof ChannelEventMap], { type: Type }>;
type Recorders = { [Type in ObservabilityEvent["type"]]?: (event: EventOf<Type>, tracer: Tracer) => void };

const recorders: Recorders = {
  "turn:end"(event, tracer) {
    const { payload } = event;
    const context = span(tracer, event, {
      name: `invoke_agent ${event.agent}`,
      startedMs: payload.startedMs,
      endedMs: event.timestamp,
      error: payload.outcome === "failed" ? (payload.error ?? "The turn failed") : undefined,
      attributes: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.response.model": payload.model,
        "gen_ai.usage.input_tokens": payload.inputTokens,
        "gen_ai.usage.output_tokens": payload.outputTokens,
        "agents.turn.id": payload.turnId,
        "agents.turn.request_id": payload.requestId,
        "agents.turn.operation": payload.operation,
        "agents.turn.outcome": payload.outcome,
        "agents.turn.attempts": payload.attempts,
        "agents.turn.time_to_first_chunk":
          payload.firstChunkMs === undefined ? undefined : (payload.firstChunkMs - payload.startedMs) / 1_000
      }
    });
    for (const { toolCallId, toolName, startedMs, endedMs, error } of payload.toolCalls) {
      const attributes = {
        ...toolAttributes(toolName),
        "gen_ai.tool.call.id": toolCallId,
        "gen_ai.tool.type": "function"
      };
      span(tracer, event, { name: `execute_tool ${toolName}`, startedMs, endedMs, error, attributes }, context);
    }
  },
  "approval:decide": (event, tracer) => approval(event, tracer, event.payload.decision),
  "approval:expire": (event, tracer) => approval(event, tracer, "expired"),
  "mcp:client:call"(event, tracer) {
    mcpCall(event, tracer, SpanKind.CLIENT, { "agents.mcp.server.id": event.payload.serverId });
  },
  "mcp:server:call"(event, tracer) {
    mcpCall(event, tracer, SpanKind.SERVER, { "mcp.session.id": event.payload.sessionId });
  }
};

function approval(event: EventOf<"approval:decide" | "approval:expire">, tracer: Tracer, decision: string): void {
  const { id, source, subject, createdMs } = event.payload;
  span(tracer, event, {
    name: `approval ${subject}`,
    startedMs: createdMs,
    endedMs: event.timestamp,
    attributes: {
      "agents.approval.id": id,
      "agents.approval.source": source,
      "agents.approval.subject": subject,
      "agents.approval.decision": decision
    }
  });
}

function mcpCall(
  event: EventOf<"mcp:client:call" | "mcp:server:call">,
  tracer: Tracer,
  kind: SpanKind,
  own: Attributes
): void {
  const { method, name, startedMs, error } = event.payload;
  const isTool = method === "tools/call" && name !== undefined;
  span(tracer, event, {
    // A URI is too many names.
    name: name === undefined || method.startsWith("resources/") ? method : `${method} ${name}`,
    kind,
    startedMs,
    endedMs: event.timestamp,
    error,
    attributes: {
      "mcp.method.name": method,
      ...(isTool && toolAttributes(name)),
      "gen_ai.prompt.name": method === "prompts/get" ? name : undefined,
      "mcp.resource.uri": method.startsWith("resources/") ? name : undefined,
      ...own
    }
  });
}

const toolAttributes = (name: string): Attributes => ({
  "gen_ai.operation.name": "execute_tool",
  "gen_ai.tool.name": name
});

interface Recorded {
  name: string;
  kind?: SpanKind;
  startedMs: number;
  endedMs: number;
  error?: string | undefined;
  attributes: Attributes;
}

/** Makes a span of what is over. */
function span(
  tracer: Tracer,
  { agent, name }: ObservabilityEvent,
  { name: title, kind = SpanKind.INTERNAL, startedMs, endedMs, error, attributes }: Recorded,
  parent?: Context
): Context {
  const from = { "gen_ai.agent.name": agent, "gen_ai.agent.id": `${agent}/${name}`, "gen_ai.conversation.id": name };
  const context = parent ?? contexts.active();
  const made = tracer.startSpan(title, { kind, startTime: startedMs, attributes: { ...from, ...attributes } }, context);
  if (error !== undefined) {
    made.setAttribute("error.type", "_OTHER");
    made.setStatus({ code: SpanStatusCode.ERROR, message: error });
  }
  // A clock may have been set back meanwhile.
  made.end(Math.max(startedMs, endedMs));
  return trace.setSpan(context, made);
}
