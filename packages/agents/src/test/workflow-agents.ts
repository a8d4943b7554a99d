import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { Agent, getCurrentAgent } from "../index";
import {
  AgentWorkflow,
  WorkflowRejectedError,
  type AgentWorkflowEvent,
  type AgentWorkflowStep,
  type DefaultProgress,
  type WaitForApprovalOptions,
  type WorkflowCallback
} from "../workflows";

/** One thing that a workflow of the tests does. */
export type Task =
  | { do: "step"; name: string; fails?: number }
  | { do: "save"; value: unknown }
  | { do: "progress"; progress: DefaultProgress }
  | { do: "broadcast"; message: unknown }
  | { do: "sleep"; name: string; duration: number }
  | { do: "await"; type: string }
  | { do: "approve"; options?: WaitForApprovalOptions }
  | { do: "together"; options: WaitForApprovalOptions[] }
  | { do: "complete" | "event" | "error"; value: unknown }
  | { do: "update" | "merge"; state: Record<string, unknown> }
  | { do: "reset" }
  | { do: "who" | "params" }
  | { do: "throw"; message: string };

export interface Errands {
  errands: Task[];
}

/** A workflow that does what it is told. Returns what each of the errands came to. */
export class Errand extends AgentWorkflow<Office, Errands> {
  async run({ payload }: AgentWorkflowEvent<Errands>, step: AgentWorkflowStep) {
    const results: unknown[] = [];
    for (const errand of payload.errands) results.push((await this.#one(errand, step, payload)) ?? null);
    return results;
  }

  async #one(errand: Task, step: AgentWorkflowStep, params: object): Promise<unknown> {
    switch (errand.do) {
      case "step":
        return step.do(errand.name, { retries: { limit: 3, delay: 1 } }, async ({ attempt }) => {
          await this.agent.note(errand.name, attempt);
          if (attempt <= (errand.fails ?? 0)) throw new Error(`failed at ${attempt}`);
          return `${errand.name} ${attempt}`;
        });
      case "save":
        return step.do("save", () => this.agent.note("save", errand.value));
      case "progress":
        return this.reportProgress(errand.progress);
      case "broadcast":
        return this.broadcastToClients(errand.message);
      case "sleep":
        return step.sleep(errand.name, errand.duration);
      case "await": {
        const event = await step.waitForEvent<object>(`await ${errand.type}`, { type: errand.type });
        return event.payload;
      }
      case "approve":
        return this.#approval(step, errand.options);
      case "together":
        return Promise.all(errand.options.map((options) => this.#approval(step, options)));
      case "complete":
        return step.reportComplete(errand.value);
      case "error":
        return step.reportError(String(errand.value));
      case "event":
        return step.sendEvent(errand.value);
      case "update":
        return step.updateAgentState(errand.state);
      case "merge":
        return step.mergeAgentState(errand.state);
      case "reset":
        return step.resetAgentState();
      case "params":
        return Object.keys(params);
      case "who":
        return { instanceId: this.instanceId, workflowId: this.workflowId, workflowName: this.workflowName };
      case "throw":
        throw new Error(errand.message);
    }
  }

  async #approval(step: AgentWorkflowStep, options?: WaitForApprovalOptions): Promise<unknown> {
    try {
      return (await this.waitForApproval(step, options)) ?? "time is over";
    } catch (error) {
      if (error instanceof WorkflowRejectedError) return { rejected: error.reason ?? null };
      throw error;
    }
  }
}

/** A workflow that knows nothing of agents. */
export class Plain extends WorkflowEntrypoint {
  override async run({ payload }: WorkflowEvent<{ fails?: boolean }>, step: WorkflowStep) {
    await step.waitForEvent("go", { type: "approval" });
    if (payload.fails) throw new TypeError("plainly failed");
    return "plainly done";
  }
}

/** An agent that has others run its errands, and writes down what it hears of them. */
export class Office extends Agent<Cloudflare.Env, Record<string, unknown>> {
  static override options = {
    inspect: true,
    retry: { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 2 },
    workflowRetentionSeconds: { terminated: 60 }
  };
  override initialState = { fresh: true };

  /** What a hook does after it has written down that it was called. By the name of the instance. */
  static readonly afterwards = new Map<string, (callback: WorkflowCallback, office: Office) => void | Promise<void>>();
  readonly errors: string[] = [];
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
  }
  thrown(): string[] {
    return this.errors;
  }

  note(what: string, value: unknown): void {
    this.sql`CREATE TABLE IF NOT EXISTS notes (what TEXT, value TEXT)`;
    this.sql`INSERT INTO notes VALUES (${what}, ${JSON.stringify(value ?? null)})`;
  }
  notes(): [what: string, value: unknown][] {
    this.sql`CREATE TABLE IF NOT EXISTS notes (what TEXT, value TEXT)`;
    return this.sql<{ what: string; value: string }>`SELECT * FROM notes ORDER BY rowid`.map(({ what, value }) => [
      what,
      JSON.parse(value)
    ]);
  }

  storedKeys(prefix: string): string[] {
    return [...this.ctx.storage.kv.list({ prefix })].map(([key]) => key);
  }

  override async onWorkflowCallback(callback: WorkflowCallback) {
    await Office.afterwards.get(this.name)?.(callback, this);
  }
  override onWorkflowProgress(workflowName: string, instanceId: string, progress: unknown) {
    this.note("progress", [workflowName, instanceId, progress, getCurrentAgent().agent === this]);
  }
  override onWorkflowComplete(workflowName: string, instanceId: string, result?: unknown) {
    this.note("complete", [workflowName, instanceId, result]);
  }
  override onWorkflowError(workflowName: string, instanceId: string, error: string) {
    this.note("error", [workflowName, instanceId, error]);
  }
  override onWorkflowEvent(workflowName: string, instanceId: string, event: unknown) {
    this.note("event", [workflowName, instanceId, event]);
  }
}
