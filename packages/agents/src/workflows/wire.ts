import type { ApprovalEventPayload } from "./types";

/** Where a workflow finds its agent: fields that travel among its parameters. The first three are those of older releases. */
export interface AgentAddress {
  __agentName: string;
  __agentBinding: string;
  __workflowName: string;
  /** The agent's id, which knows its jurisdiction. */
  __agentId?: string;
}

/** Which instance speaks. */
export interface Speaker {
  workflowName: string;
  instanceId: string;
  /** One execution of the instance from its beginning: a restart has another. */
  run: string;
  /** When it spoke, in ms since the epoch. */
  timestamp: number;
}

/** An approval that a workflow asks for. */
export interface Ask {
  kind: "ask";
  /** It is the nth of this run. */
  number: number;
  eventType: string;
  /** How long it waits, in ms. */
  timeoutMs: number;
  subject?: string | undefined;
  args?: unknown;
  scope?: string | undefined;
  requestedBy?: string | undefined;
  quorum?: number | undefined;
}

/** What became of an approval. */
export type Outcome =
  | { status: "pending"; expiresMs: number }
  | { status: "approved"; metadata: unknown }
  | { status: "rejected"; reason?: string; metadata?: unknown }
  | { status: "expired" };

/** What a workflow says. What is durable has a key, by which it is applied once; the rest a place in the order. */
export type Report =
  | { kind: "started" }
  | { kind: "progress"; life: string; sequence: number; progress: unknown }
  | { kind: "broadcast"; life: string; sequence: number; message: unknown }
  | { kind: "complete"; key: string; result?: unknown }
  | { kind: "error"; key: string; name: string; message: string }
  | { kind: "event"; key: string; event: unknown }
  | { kind: "state"; key: string; how: "replace" | "merge" | "reset"; state?: unknown }
  | Ask
  | { kind: "settle"; number: number; event?: unknown; isOver: boolean };

/** The event of a decision, as this release sends it: the number says which approval it is about. */
export interface DecisionEvent extends ApprovalEventPayload {
  approval: number;
}

const units: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  month: 2_592_000_000,
  year: 31_536_000_000
};

/** A duration as Workflows say it, in ms; nothing for what is none. */
export function durationMs(duration: unknown): number | undefined {
  if (typeof duration === "number") return duration > 0 && Number.isFinite(duration) ? duration : undefined;
  const [, amount, unit] = /^(\d+(?:\.\d+)?) +(\w+?)s?$/.exec(String(duration)) ?? [];
  const unitMs = unit === undefined ? undefined : units[unit];
  return amount === undefined || unitMs === undefined ? undefined : Number(amount) * unitMs || undefined;
}
