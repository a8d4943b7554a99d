import type { Rows } from "./rows";
import { isOver, type WorkflowRow } from "./schema";
import type { DefaultProgress, WorkflowCallback, WorkflowStatus } from "./types";
import type { Waits } from "./waits";
import type { Report, Speaker } from "./wire";

/** What an agent does when its workflows speak. */
export interface Hooks {
  callback(callback: WorkflowCallback): void | Promise<void>;
  broadcast(message: unknown): void;
  replaceState(state: unknown): void;
  mergeState(partial: unknown): void;
  resetState(): void;
}

export interface ReportsDeps {
  readonly rows: Rows;
  readonly waits: Waits;
  readonly hooks: Hooks;
  failed(error: unknown): Promise<void>;
  ended(id: string, status: WorkflowStatus, error: { name: string; message: string } | null): void;
  /** When to look at an instance that has just spoken. */
  heard(): number;
}

type Keyed = Extract<Report, { key: string }>;
type Ordered = Extract<Report, { sequence: number }>;

/**
 * Applies what workflows say. A step that tells something runs again when its answer is lost, and what is no step when the call is: so
 * each report has a key or a place in the order, and is applied once.
 */
export class Reports {
  readonly #deps: ReportsDeps;
  /** What is being applied, by instance and key. */
  readonly #applying = new Map<string, Promise<void>>();

  constructor(deps: ReportsDeps) {
    this.#deps = deps;
  }

  hear(speaker: Speaker, report: Report): unknown {
    switch (report.kind) {
      case "started":
        return this.#started(speaker);
      case "progress":
      case "broadcast":
        return this.#inOrder(speaker, report);
      case "ask":
        return this.#deps.waits.ask(speaker, report);
      case "settle":
        return this.#deps.waits.settle(speaker, report.number, report.event, report.isOver);
      default:
        return this.#once(speaker, report);
    }
  }

  #started({ instanceId, run }: Speaker): void {
    const row = this.#deps.rows.get(instanceId);
    if (!row || row.run === run) return;
    const again = row.run === null ? {} : { error_name: null, error_message: null, completed_at: null };
    if (row.run !== null) this.#deps.waits.forget(instanceId, "The workflow was restarted");
    const order = { run, life: null, sequence: 0 };
    // It was ended before it could say that it begins.
    if (row.run === null && isOver(row.status)) return this.#deps.rows.update(instanceId, order);
    this.#deps.rows.update(instanceId, {
      status: "running",
      look_ms: this.#deps.heard(),
      looks: 0,
      ...order,
      ...again
    });
  }

  /** What came already, and what is older than what came, is left out. */
  async #inOrder(speaker: Speaker, report: Ordered): Promise<void> {
    const { rows, hooks } = this.#deps;
    const row = rows.get(speaker.instanceId);
    if (row?.life === report.life && report.sequence <= row.sequence) return;
    if (row) {
      const { life, sequence } = report;
      rows.update(row.workflow_id, {
        life,
        sequence,
        looks: 0,
        ...(!isOver(row.status) && { look_ms: this.#deps.heard() })
      });
    }
    if (report.kind === "broadcast") return hooks.broadcast(report.message);
    try {
      // Only its program knows what it tells.
      await hooks.callback({ type: "progress", ...about(speaker, row), progress: report.progress as DefaultProgress });
    } catch (error) {
      // A workflow does not fail because somebody could not watch it.
      await this.#deps.failed(error);
    }
  }

  async #once(speaker: Speaker, report: Keyed): Promise<void> {
    const { instanceId, run } = speaker;
    const key = `${run}:${report.key}`;
    if (this.#deps.rows.hasSaid(instanceId, key)) return;
    const place = `${instanceId}:${key}`;
    // The same again, while the first is not over, has the same result.
    const applying = this.#applying.get(place) ?? this.#apply(speaker, report, key);
    this.#applying.set(place, applying);
    try {
      await applying;
    } finally {
      this.#applying.delete(place);
    }
  }

  async #apply(speaker: Speaker, report: Keyed, key: string): Promise<void> {
    const { rows, hooks, ended } = this.#deps;
    const { instanceId } = speaker;
    const row = rows.get(instanceId);
    const from = about(speaker, row);
    // What somebody has ended stays so.
    const isOpen = row !== undefined && row.status !== "terminated";
    // A pause ends what is running with an error. If it is another one, the engine says so when the agent looks.
    if (report.kind === "error" && row?.status === "paused") return;
    if (report.kind === "state") {
      if (report.how === "reset") hooks.resetState();
      else if (report.how === "merge") hooks.mergeState(report.state);
      else hooks.replaceState(report.state);
    } else if (report.kind === "event") {
      await hooks.callback({ type: "event", ...from, event: report.event });
    } else if (report.kind === "complete") {
      if (isOpen) ended(instanceId, "complete", null);
      await hooks.callback({ type: "complete", ...from, result: report.result });
    } else {
      const { name, message } = report;
      if (isOpen) ended(instanceId, "errored", { name, message });
      await hooks.callback({ type: "error", ...from, error: message });
    }
    rows.said(instanceId, key);
  }

  /** The engine says that an instance has ended, which the instance itself has not told. */
  async foundEnd(
    row: WorkflowRow,
    status: WorkflowStatus,
    result: unknown,
    error: { name: string; message: string } | null
  ): Promise<void> {
    const { hooks, ended, failed } = this.#deps;
    ended(row.workflow_id, status, error);
    const from = { workflowName: row.workflow_name, instanceId: row.workflow_id, workflowId: row.workflow_id };
    const callback = { ...from, timestamp: Date.now() };
    try {
      if (status === "complete") await hooks.callback({ type: "complete", ...callback, result });
      if (status === "errored") await hooks.callback({ type: "error", ...callback, error: error?.message ?? "" });
    } catch (thrown) {
      await failed(thrown);
    }
  }
}

/** A binding that was renamed has its new name. */
const about = ({ workflowName, instanceId, timestamp }: Speaker, row: WorkflowRow | undefined) => ({
  workflowName: row?.workflow_name ?? workflowName,
  instanceId,
  workflowId: instanceId,
  timestamp
});
