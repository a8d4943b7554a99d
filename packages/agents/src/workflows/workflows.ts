import type { Capability } from "../core/capability";
import type { Schema } from "../core/meta";
import { AgentError } from "../protocol/errors";
import type { ShouldRetry } from "../retry/retry";
import { agentBindingOf, workflowIn } from "./address";
import { Engine } from "./engine";
import { Reports, type Hooks } from "./reports";
import { Rows } from "./rows";
import { infoOf, intents, isOver, type WorkflowRow } from "./schema";
import type {
  RunWorkflowOptions,
  WorkflowDecisionOptions,
  WorkflowEventPayload,
  WorkflowInfo,
  WorkflowPage,
  WorkflowQueryCriteria,
  WorkflowState,
  WorkflowStatus
} from "./types";
import { Waits, type Desk, type Request } from "./waits";
import type { AgentAddress, Report, Speaker } from "./wire";

export interface WorkflowsDeps {
  readonly schema: Schema;
  readonly env: object;
  readonly hooks: Hooks;
  now(): number;
  /** Where workflows find this agent. */
  id(): DurableObjectId;
  name(): string;
  retry<Result>(run: (attempt: number) => Promise<Result>, shouldRetry: ShouldRetry): Promise<Result>;
  desk(): Desk;
  /** What an instance is to be created with, until it is. */
  keep(id: string, params: unknown): void;
  kept(id: string): unknown;
  forget(id: string): void;
  /** The process of a local engine, which forgets its instances when it ends; nothing where there is no such thing. */
  localEngine(): string | undefined;
  /** How long an instance is kept that has ended so, in ms. */
  retentionMs(status: WorkflowStatus): number | undefined;
  changed(): void;
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): Promise<void>;
  /** Runs work that nobody waits for. */
  later(work: () => Promise<void>): void;
}

/** A start that is not over by then was cut by an eviction, or worse. */
const startMs = 30_000;
/** After so long without a word of an instance, the engine is asked; then after twice as long, and so on. */
const silenceMs = 5 * 60_000;
const maxSilenceMs = 24 * 3_600_000;
/** A local engine may have been restarted, and only an agent that is awake notices. */
const localSilenceMs = 15_000;
const batch = 20;
/** An event that no workflow waits for: it makes a local engine go on with an instance. */
const wakeUp: WorkflowEventPayload = { type: "agent-wake-up", payload: null };

const codeUnits = /^[a-zA-Z0-9_][a-zA-Z0-9-_]{0,99}$/;

/**
 * The workflows of an agent: started, tracked, told and asked. Each start is a row first, so that an instance without a row and a row without
 * an instance cannot last.
 */
export class Workflows implements Capability {
  readonly name = "workflows";
  readonly #deps: WorkflowsDeps;
  readonly #rows: Rows;
  readonly #engine: Engine;
  readonly #waits: Waits;
  readonly #reports: Reports;
  /** As it was before anybody has looked. */
  readonly #isInherited: boolean;
  /** Starts of this life that are not over. */
  readonly #starting = new Set<string>();

  constructor(deps: WorkflowsDeps) {
    const { schema, hooks } = deps;
    this.#deps = deps;
    this.#isInherited = schema.isInherited;
    const rows = (this.#rows = new Rows(schema, () => deps.now()));
    const engine = (this.#engine = new Engine(deps));
    this.#waits = new Waits({
      schema,
      rows,
      engine,
      now: () => deps.now(),
      desk: () => deps.desk(),
      emit: (type, payload) => deps.emit(type, payload)
    });
    this.#reports = new Reports({
      rows,
      waits: this.#waits,
      hooks,
      failed: (error) => deps.failed(error),
      ended: (id, status, error) => this.#end(id, status, error),
      heard: () => this.#silenceMs(0)
    });
  }

  // --- what programs ask for ---

  async run(name: string, params: unknown, options: RunWorkflowOptions = {}): Promise<string> {
    const { id = crypto.randomUUID(), metadata, agentBinding } = options;
    workflowIn(this.#deps.env, name);
    if (!codeUnits.test(id)) {
      throw invalid(
        `The id of a workflow has 1 to 100 letters, digits, "-" and "_", and does not begin with "-": "${id}"`
      );
    }
    if (this.#rows.get(id)) throw new AgentError("WORKFLOW_EXISTS", `This agent has a workflow "${id}" already`);
    const address: AgentAddress = {
      __agentName: this.#deps.name(),
      __agentBinding: agentBinding ?? agentBindingOf(this.#deps.env, this.#deps.id()),
      __workflowName: name,
      __agentId: this.#deps.id().toString()
    };
    const payload = { ...fieldsOf(params), ...address };
    const about = metadata === undefined ? null : textOf(metadata);
    this.#starting.add(id);
    try {
      this.#deps.schema.transaction(() => {
        this.#rows.insert(id, name, about, this.#deps.now() + startMs, this.#deps.localEngine() ?? null);
        this.#deps.keep(id, payload);
        this.#deps.changed();
      });
      await this.#start(id, name, payload);
    } finally {
      this.#starting.delete(id);
    }
    this.#deps.emit("workflow:start", () => ({ workflowId: id, workflowName: name }));
    return id;
  }

  async #start(id: string, name: string, payload: unknown): Promise<void> {
    try {
      await this.#engine.create(name, id, payload, false);
    } catch (error) {
      if (!(await this.#mayExist(id, name, error))) {
        this.#forget(id);
        throw error;
      }
    }
    this.#created(id);
  }

  #forget(id: string): void {
    this.#rows.remove(id);
    this.#deps.forget(id);
    this.#deps.changed();
  }

  /** After a failure: whether the instance is there all the same. When nobody knows, the alarm finds out. */
  async #mayExist(id: string, name: string, error: unknown): Promise<boolean> {
    if (AgentError.isInstance(error)) return false;
    try {
      return (await this.#engine.find(name, id)) !== undefined;
    } catch {
      this.#rows.update(id, { intent: intents.adopt });
      throw error;
    }
  }

  #created(id: string): void {
    this.#deps.forget(id);
    const row = this.#rows.get(id);
    // It may have ended, and been deleted, before we hear that it was created.
    if (!row) return;
    this.#rows.update(id, isOver(row.status) ? { intent: null } : { intent: null, look_ms: this.#silenceMs(0) });
    this.#deps.changed();
  }

  async sendEvent(name: string, id: string, event: WorkflowEventPayload): Promise<void> {
    if (typeof event?.type !== "string" || event.type === "")
      throw invalid("An event needs a type, and may have a payload");
    await this.#engine.sendEvent(name, id, event);
    this.#deps.emit("workflow:event", () => ({ workflowId: id, eventType: event.type }));
  }

  async status(name: string, id: string): Promise<WorkflowState> {
    const found = await this.#engine.find(name, id);
    if (!found) throw new AgentError("WORKFLOW_UNKNOWN", `There is no instance "${id}" of ${name}`);
    await this.#observe(id, found);
    const { output = null } = found;
    return { status: this.#statusOf(id, found), output, error: errorOf(found) };
  }

  get(id: string): WorkflowInfo | undefined {
    const row = this.#rows.get(id);
    return row && infoOf(row);
  }

  list(criteria: WorkflowQueryCriteria = {}): WorkflowPage {
    return this.#rows.list(criteria);
  }

  remove(id: string): boolean {
    const removed = this.#rows.remove(id);
    if (removed) this.#deps.changed();
    return removed;
  }

  removeAll(criteria: WorkflowQueryCriteria = {}): number {
    const removed = this.#rows.removeAll(criteria);
    if (removed > 0) this.#deps.changed();
    return removed;
  }

  rename(from: string, to: string): number {
    workflowIn(this.#deps.env, to);
    return this.#rows.rename(from, to);
  }

  async terminate(id: string): Promise<void> {
    const { workflow_name } = this.#known(id);
    await this.#engine.control(workflow_name, id, "terminate");
    this.#end(id, "terminated", null);
    this.#emit("workflow:terminated", id, workflow_name);
  }

  async pause(id: string): Promise<void> {
    const { workflow_name } = this.#known(id);
    await this.#engine.control(workflow_name, id, "pause");
    this.#rows.update(id, { status: "paused" });
    this.#emit("workflow:paused", id, workflow_name);
  }

  async resume(id: string): Promise<void> {
    const { workflow_name } = this.#known(id);
    await this.#engine.control(workflow_name, id, "resume");
    this.#rows.update(id, { status: this.#waits.isWaiting(id) ? "waiting" : "running" });
    this.#emit("workflow:resumed", id, workflow_name);
  }

  async restart(id: string, { resetTracking = true }: { resetTracking?: boolean } = {}): Promise<void> {
    const { workflow_name } = this.#known(id);
    await this.#engine.control(workflow_name, id, "restart");
    this.#waits.forget(id, "The workflow was restarted");
    this.#rows.reset(id, this.#silenceMs(0), resetTracking);
    this.#deps.changed();
    this.#emit("workflow:restarted", id, workflow_name);
  }

  async decide(id: string, approved: boolean, options: WorkflowDecisionOptions = {}): Promise<void> {
    await this.#waits.decide(this.#known(id), approved, options);
  }

  // --- what others say ---

  /** A workflow speaks. */
  hear(speaker: Speaker, report: Report): unknown {
    return this.#reports.hear(speaker, report);
  }

  /** Somebody has decided about a workflow that waits. */
  decided(request: Request): Promise<void> {
    return this.#waits.decided(request);
  }

  // --- the alarm ---

  /** In each life of the agent, before anything else is asked. */
  begin(): void {
    // Nobody has asked yet when to look at what an older release has written.
    if (this.#isInherited) this.#deps.changed();
    const engine = this.#deps.localEngine();
    const lost = engine === undefined ? [] : this.#rows.takeOver(engine);
    if (lost.length > 0) this.#deps.later(() => this.#wakeUp(lost));
  }

  /** A local engine that was restarted goes on with an instance when it is asked for something. */
  async #wakeUp(rows: readonly WorkflowRow[]): Promise<void> {
    for (const { workflow_id, workflow_name } of rows) {
      await this.#engine
        .sendEvent(workflow_name, workflow_id, wakeUp)
        .catch((error: unknown) => this.#deps.failed(error));
    }
  }

  nextWake(): number | undefined {
    return this.#rows.earliestLook();
  }

  onStrayAlarm(): number | undefined {
    return this.nextWake();
  }

  async onWake(): Promise<void> {
    for (const row of this.#rows.due(batch)) {
      try {
        await this.#look(row);
      } catch (error) {
        this.#lookLater(row);
        await this.#deps.failed(error);
      }
    }
  }

  async #look(row: WorkflowRow): Promise<void> {
    const { workflow_id: id, workflow_name: name, intent } = row;
    if (isOver(row.status)) return void this.#rows.remove(id);
    if (this.#starting.has(id)) return this.#lookLater(row);
    if (intent === intents.create) {
      // Cut before it was certain that there is an instance: there is one after this, and no second one.
      await this.#engine.create(name, id, this.#deps.kept(id), true);
      this.#created(id);
      return this.#deps.emit("workflow:start", () => ({ workflowId: id, workflowName: name }));
    }
    const found = await this.#engine.find(name, id);
    if (!found && intent === intents.adopt) return this.#forget(id);
    if (!found) return this.#end(id, "unknown", null);
    if (intent === intents.adopt) this.#created(id);
    await this.#observe(id, found);
    const now = this.#rows.get(id);
    if (now && !isOver(now.status)) this.#lookLater(now);
  }

  #lookLater({ workflow_id, looks, intent }: WorkflowRow): void {
    // A start that was cut is somebody's wish, and not only a question.
    const startAgainMs = this.#deps.now() + startMs * 2 ** Math.min(looks, 10);
    this.#rows.update(workflow_id, {
      looks: looks + 1,
      look_ms: intent === null ? this.#silenceMs(looks + 1) : startAgainMs
    });
  }

  #silenceMs(looks: number): number {
    const local = this.#deps.localEngine() !== undefined;
    return this.#deps.now() + (local ? localSilenceMs : Math.min(silenceMs * 2 ** looks, maxSilenceMs));
  }

  /** Writes down what the engine says, and tells the agent of an end that nobody has told it of. */
  async #observe(id: string, found: InstanceStatus): Promise<void> {
    const row = this.#rows.get(id);
    if (!row || row.status === found.status || isOver(row.status)) return;
    const status = this.#statusOf(id, found);
    if (!isOver(status)) {
      // What is in the row may be newer than what the engine says: a pause that it has not come to yet.
      if (status !== row.status && status !== "queued") this.#rows.update(id, { status });
      return;
    }
    await this.#reports.foundEnd(row, status, found.output, errorOf(found));
  }

  #statusOf(id: string, { status }: InstanceStatus): WorkflowStatus {
    if (status === "rollingBack") return "running";
    return status === "running" && this.#waits.isWaiting(id) ? "waiting" : status;
  }

  #end(id: string, status: WorkflowStatus, error: { name: string; message: string } | null): void {
    this.#waits.cancel(id, `The workflow is ${status}`);
    const keptMs = this.#deps.retentionMs(status);
    this.#rows.end(id, status, error, keptMs === undefined ? null : this.#deps.now() + keptMs);
    this.#deps.changed();
  }

  #known(id: string): WorkflowRow {
    const row = this.#rows.get(id);
    if (row) return row;
    throw new AgentError(
      "WORKFLOW_UNKNOWN",
      `This agent tracks no workflow "${id}". Only those that it started with runWorkflow() are tracked.`
    );
  }

  #emit(type: string, workflowId: string, workflowName: string): void {
    this.#deps.emit(type, () => ({ workflowId, workflowName }));
  }
}

/** The engine tells of an error in two ways. */
function errorOf({ error }: InstanceStatus): { name: string; message: string } | null {
  if (error === undefined || error === null) return null;
  return typeof error === "string" ? { name: "Error", message: error } : { name: error.name, message: error.message };
}

function fieldsOf(params: unknown): object {
  if (params === undefined || params === null) return {};
  if (typeof params === "object" && !Array.isArray(params)) return params;
  throw invalid(
    "The parameters of a workflow are an object, as { taskId: 7 }: the address of the agent goes along in it"
  );
}

function textOf(metadata: object): string {
  try {
    const text = JSON.stringify(metadata);
    if (text.startsWith("{")) return text;
  } catch {
    // Refused below.
  }
  throw invalid("metadata must be an object that can be written as JSON");
}

const invalid = (message: string): AgentError => new AgentError("WORKFLOW_INVALID", message);
