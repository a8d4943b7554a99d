// Loaded by the first `inspect()`: of what every agent has, this takes types only, or a bundler would cut that into pieces.
import type { ApprovalStatus } from "./approvals/approval";
import type { Connection, ConnectionFlag } from "./core/connection";
import type { Host, WhyAwake } from "./core/host";
import type { Schema } from "./core/meta";
import type { TaskSource } from "./core/work/dead-letters";
import type { ScheduleType } from "./schedule/schema";

/** The first of many. */
export interface InspectedList<Item> {
  total: number;
  /** At most 100. */
  first: Item[];
}

interface InspectedTask {
  id: string;
  /** The method that it calls. */
  callback: string;
  /** Attempts that were begun. */
  attempts: number;
  running: boolean;
  /** When it is looked at next, in ms since the epoch; nothing for one that waits for `resumeSchedule` or for its method. */
  dueMs: number | null;
  /** Its method does not exist. */
  parked: boolean;
}

/** A schedule as `inspect()` tells it: not its payload. */
export interface InspectedSchedule extends InspectedTask {
  type: ScheduleType;
  key: string | null;
  paused: boolean;
}

/** An item of the queue as `inspect()` tells it: not its payload. */
export interface InspectedItem extends InspectedTask {
  /** The name of its queue; the default one has none. */
  queue: string;
}

/** What failed for good, as `inspect()` tells it: not its payload. */
export interface InspectedDeadLetter {
  id: string;
  source: TaskSource;
  callback: string;
  error: string;
  attempts: number;
  failedAtMs: number;
}

/** A connection as `inspect()` tells it: neither its state nor its query. */
export interface InspectedConnection {
  id: string;
  tags: readonly string[];
  path: string | null;
  readonly: boolean;
  /** Whether it gets frames of the protocol. */
  protocol: boolean;
}

/** An approval as `inspect()` tells it: not its arguments. */
export interface InspectedApproval {
  id: string;
  source: string;
  subject: string;
  status: ApprovalStatus;
  scope?: string;
  requestedBy?: string;
  createdMs: number;
  expiresMs?: number;
}

export interface InspectedLiveTurn {
  id: string;
  requestId: string;
  messageId: string;
  phase: string;
  /** Chunks so far. */
  seq: number;
  attempt?: number;
}

/** A turn that was recorded, as `getTurns()` of a chat agent tells it. */
export interface InspectedTurn {
  id: string;
  requestId: string;
  operation: string;
  messageId: string;
  attempts: number;
  createdMs: number;
  firstChunkMs?: number;
  endedMs?: number;
  outcome?: string;
  error?: string;
  model?: string;
  inputTokens?: number;
  outputTokens?: number;
  totalTokens?: number;
}

/** A workflow as `inspect()` tells it: neither its parameters nor its output. */
export interface InspectedWorkflow {
  id: string;
  workflowName: string;
  status: string;
  createdMs: number;
  updatedMs: number;
  error: string | null;
}

/** An MCP server as `inspect()` tells it: of its URL neither query nor user. */
export interface InspectedMcpServer {
  id: string;
  name: string;
  url: string;
  state: string;
  tools?: number;
  error?: string;
}

/** What an instance is doing, as JSON. No payload, message, state or secret is in it. */
export interface Inspection {
  agent: string;
  name: string;
  /** When, in ms since the epoch, as all times here. */
  atMs: number;
  connections: InspectedList<InspectedConnection>;
  /** Why its alarm is set. */
  alarm: WhyAwake["alarm"];
  /** What it is doing. */
  holds: WhyAwake["holds"];
  tasks: { schedules: InspectedList<InspectedSchedule>; queue: InspectedList<InspectedItem> };
  deadLetters: InspectedList<InspectedDeadLetter>;
  /** Approvals that wait for a decision, and decisions that could not be told; where approvals were asked for. */
  approvals?: { pending: InspectedApproval[]; undelivered: InspectedApproval[] };
  /** The turn of a conversation that is under way, and the last ones; in a chat agent. */
  turns?: { live?: InspectedLiveTurn; recent: InspectedTurn[] };
  /** Where workflows were started. */
  workflows?: InspectedList<InspectedWorkflow>;
  /** Where there are some. */
  mcpServers?: InspectedList<InspectedMcpServer>;
  /** Features that could not say anything, and why. */
  problems?: { feature: string; error: string }[];
}

/** An instance, as its report needs it. */
export interface Inspected {
  agent: string;
  name: string;
  host: Host;
  hasFlag(connection: Connection, flag: ConnectionFlag): boolean;
}

const limit = 100;

/** Collects what an instance is doing. Reads, and changes nothing. */
export function inspect({ agent, name, host, hasFlag }: Inspected): Inspection {
  const problems: { feature: string; error: string }[] = [];
  const features: Record<string, unknown> = {};
  const attempt = <Result>(feature: string, look: () => Result): Result | undefined => {
    try {
      return look();
    } catch (error) {
      problems.push({ feature, error: String(error) });
      return undefined;
    }
  };
  for (const capability of host.all()) {
    attempt(capability.name, () => Object.assign(features, capability.inspect?.()));
  }
  const list = <Item>(feature: string, table: string, query: string): InspectedList<Item> =>
    attempt(feature, () => listOf<Item>(host.schema(feature, { tables: [table], migrations: [] }), query)) ?? {
      total: 0,
      first: []
    };
  const connections = [...host.connections.all()];
  const report: Inspection = {
    ...features,
    agent,
    name,
    atMs: Date.now(),
    connections: {
      total: connections.length,
      first: connections.slice(0, limit).map((connection) => ({
        id: connection.id,
        tags: connection.tags,
        path: connection.uri && new URL(connection.uri).pathname,
        readonly: hasFlag(connection, "readonly"),
        protocol: !hasFlag(connection, "protocolDisabled")
      }))
    },
    ...host.whyAwake(),
    tasks: {
      schedules: list(
        "schedule",
        "cf_agents_schedules",
        `id, callback, type, key, attempt AS attempts, lease IS NOT NULL AS running, paused IS NOT NULL AS paused,
         parked IS NOT NULL AS parked, iif(paused IS NULL AND parked IS NULL, time * 1000 + ms, NULL) AS dueMs
         FROM cf_agents_schedules ORDER BY time, ms`
      ),
      queue: list(
        "queue",
        "cf_agents_queues",
        `id, callback, queue, attempt AS attempts, lease IS NOT NULL AS running, parked IS NOT NULL AS parked,
         iif(parked IS NULL, max(ifnull(available_at, created_at * 1000), ifnull(retry_at, 0)), NULL) AS dueMs
         FROM cf_agents_queues ORDER BY queue, available_at`
      )
    },
    deadLetters: list(
      "dead-letters",
      "cf_agents_dead_letters",
      "id, source, callback, error, attempts, failed_at AS failedAtMs FROM cf_agents_dead_letters ORDER BY failed_at DESC"
    )
  };
  const workflows = list<InspectedWorkflow>(
    "workflows",
    "cf_agents_workflows",
    `workflow_id AS id, workflow_name AS workflowName, status, created_at * 1000 AS createdMs,
     updated_at * 1000 AS updatedMs, error_message AS error FROM cf_agents_workflows ORDER BY created_at DESC`
  );
  if (workflows.total > 0) report.workflows = workflows;
  if (problems.length > 0) report.problems = problems;
  // What is told is JSON, and stays what it is now.
  return JSON.parse(JSON.stringify(report, withoutSecrets)) as Inspection;
}

/** What SQLite has no type for. */
const flags = ["running", "paused", "parked"];

function listOf<Item>(table: Schema, query: string): InspectedList<Item> {
  const rows = table.read(`SELECT count(*) OVER () AS total, ${query} LIMIT ${limit}`);
  const first = rows.map(({ total: _, ...row }) => {
    const entries = Object.entries(row).map(([key, value]) => [key, flags.includes(key) ? value === 1 : value]);
    // As the columns say.
    return Object.fromEntries(entries) as Item;
  });
  return { total: Number(rows[0]?.total ?? 0), first };
}

/** What SQLite says of a query. */
const quotesDatabase = /\bSqlError: |: SQLITE_[A-Z]/;

const secretNames =
  /^(headers|authorization|cookie|passw(or)?d|secret|token|(access|refresh|id)_?token|api_?key|client_?secret|(code_?)?verifier)$/i;

/** Each feature tells what it means to; this is for what slips through, in texts of errors above all. */
function withoutSecrets(name: string, value: unknown): unknown {
  if (secretNames.test(name) && value !== null) return "[redacted]";
  if (typeof value !== "string") return value;
  if (quotesDatabase.test(value)) return "A query failed";
  return value
    .replaceAll(/\b(\w+:\/\/)[^\s/?#"'@]*@/g, "$1")
    .replaceAll(/\b(\w+:\/\/[^\s?#"']*)[?#][^\s"']*/g, "$1")
    .replaceAll(/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, "$1 [redacted]");
}
