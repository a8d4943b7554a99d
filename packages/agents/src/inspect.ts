import type { Agent } from "./agent";
import type { ApprovalStatus } from "./approvals/approval";
import { classNameOf } from "./core/class-name";
import { hasFlag, type Connection } from "./core/connection";
import type { Host, WhyAwake } from "./core/host";
import type { SchemaDefinition } from "./core/meta";
import { quotesDatabase } from "./core/public-message";
import { deadLettersSchema, type TaskSource } from "./core/work/dead-letters";
import { queueSchema } from "./queue/schema";
import { neverMs, scheduleSchema, type ScheduleType } from "./schedule/schema";

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
  updatedMs?: number;
  error?: string;
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

// An agent of whatever type parameters.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyAgent = Agent<any, any, any>;

const limit = 100;

/** Collects what an instance is doing. Reads, and changes nothing. */
export function inspect(agent: AnyAgent, host: Host): Inspection {
  // Only for the compiler it is not there.
  const { ctx } = agent as unknown as { ctx: DurableObjectState & { exports?: Record<string, unknown> } };
  const problems: { feature: string; error: string }[] = [];
  const features: Record<string, unknown> = {};
  for (const capability of host.all()) {
    try {
      Object.assign(features, capability.inspect?.());
    } catch (error) {
      problems.push({ feature: capability.name, error: String(error) });
    }
  }
  const list = <Item>(schema: [name: string, definition: SchemaDefinition], columns: string, order: string) =>
    listOf<Item>(host, schema, columns, order);
  const running = "lease IS NOT NULL AS running";
  const connections = [...host.connections.all()];
  const report: Inspection = {
    ...features,
    agent: classNameOf(agent, ctx.id, ctx.exports),
    name: ctx.id.name ?? host.meta.name ?? "",
    atMs: Date.now(),
    connections: { total: connections.length, first: connections.slice(0, limit).map(connectionOf) },
    ...host.whyAwake(),
    tasks: {
      schedules: list(
        ["schedule", scheduleSchema],
        `id, callback, type, key, attempt AS attempts, ${running}, paused IS NOT NULL AS paused, parked IS NOT NULL AS parked,
         nullif(time * 1000 + ms, ${neverMs}) AS dueMs`,
        "time, ms"
      ),
      queue: list(
        ["queue", queueSchema],
        `id, callback, queue, attempt AS attempts, ${running}, parked IS NOT NULL AS parked,
         iif(parked IS NULL, max(ifnull(available_at, created_at * 1000), ifnull(retry_at, 0)), NULL) AS dueMs`,
        "queue, available_at"
      )
    },
    deadLetters: list(
      ["dead-letters", deadLettersSchema],
      "id, source, callback, error, attempts, failed_at AS failedAtMs",
      "failed_at DESC"
    ),
    ...(problems.length > 0 && { problems })
  };
  // What is told is JSON, and stays what it is now.
  return JSON.parse(JSON.stringify(report, withoutSecrets)) as Inspection;
}

/** What SQLite has no type for. */
const flags = ["running", "paused", "parked"];

function listOf<Item>(
  host: Host,
  [name, definition]: [name: string, definition: SchemaDefinition],
  columns: string,
  order: string
): InspectedList<Item> {
  const schema = host.schema(name, definition);
  const table = definition.tables[0]!;
  const [count] = schema.read<{ total: number }>(`SELECT count(*) AS total FROM ${table}`);
  const rows = schema.read(`SELECT ${columns} FROM ${table} ORDER BY ${order} LIMIT ${limit}`);
  const first = rows.map((row) => {
    const entries = Object.entries(row).map(([key, value]) => [key, flags.includes(key) ? value === 1 : value]);
    // As the columns say.
    return Object.fromEntries(entries) as Item;
  });
  return { total: count?.total ?? 0, first };
}

const connectionOf = (connection: Connection): InspectedConnection => ({
  id: connection.id,
  tags: connection.tags,
  path: connection.uri && new URL(connection.uri).pathname,
  readonly: hasFlag(connection, "readonly"),
  protocol: !hasFlag(connection, "protocolDisabled")
});

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
