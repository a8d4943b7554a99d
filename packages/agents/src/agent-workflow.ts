import { WorkflowEntrypoint, type WorkflowEvent, type WorkflowStep } from "cloudflare:workers";
import { wait } from "./core/wait";
import { isPlatformError } from "./core/work/platform-error";
import { AgentError } from "./protocol/errors";
import { retry } from "./retry/retry";
import { defaultRetryOptions } from "./retry/retry-options";
import { awaitDecision } from "./workflows/await-decision";
import { trackWorkflows } from "./workflow-work";
import { addressIn, findAgent } from "./workflows/address";
import { extendStep, isExtended, type AgentWorkflowStep } from "./workflows/step";
import type { DefaultProgress, WaitForApprovalOptions } from "./workflows/types";
import type { AgentAddress, Report, Speaker } from "./workflows/wire";

/** What starts a workflow. `payload` has its parameters. */
export type AgentWorkflowEvent<Params = unknown> = Readonly<WorkflowEvent<Params>>;

/** The entry of an agent for its workflows. The types of stubs show only what their own class has. */
interface Listener {
  __workflow(speaker: Speaker, report: Report): Promise<unknown>;
}

type Run = (this: object, event: WorkflowEvent<unknown>, step: WorkflowStep) => Promise<unknown>;

let execute: (workflow: object, event: WorkflowEvent<unknown>, step: WorkflowStep, run: Run) => Promise<unknown>;

interface Running {
  address: AgentAddress;
  /** One for all that is told, which keeps the order; another one after a failure, since that may have broken it. */
  stub: unknown;
  params: unknown;
  speaker: Omit<Speaker, "timestamp">;
  /** This pass through `run`: after a failure there is another one, with its own count. */
  life: string;
  sequence: number;
  approvals: number;
  /** What the program itself has told of its end. */
  told: "complete" | "error" | undefined;
}

/**
 * A workflow that an agent starts with `runWorkflow`, and that talks to it.
 *
 * @example
 * export class Report extends AgentWorkflow<Writer, { topic: string }> {
 *   async run(event: AgentWorkflowEvent<{ topic: string }>, step: AgentWorkflowStep) {
 *     const text = await step.do("write", () => write(event.payload.topic));
 *     await this.reportProgress({ step: "write", status: "complete", percent: 0.5 });
 *     await step.do("save", async () => void (await this.agent.save(text)));
 *     await step.reportComplete(text);
 *   }
 * }
 */
export abstract class AgentWorkflow<
  AgentType extends Rpc.DurableObjectBranded | undefined = undefined,
  Params = unknown,
  ProgressType = DefaultProgress,
  Env = Cloudflare.Env
> extends WorkflowEntrypoint<Env, Params> {
  static {
    execute = (workflow, event, step, run) => (workflow as AgentWorkflow).#execute(event, step, run);
    // A Worker that has such a class has agents that start it.
    trackWorkflows();
  }

  #running: Running | undefined;

  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, env);
    // The engine calls what the class has as `run`.
    wrapRun(new.target.prototype);
  }

  /** What the workflow does. */
  abstract override run(event: AgentWorkflowEvent<Params>, step: AgentWorkflowStep): Promise<unknown>;

  /** The agent that started this workflow: its methods can be called. */
  get agent(): DurableObjectStub<AgentType> {
    // The address names an instance of the class that the program says it is. A stub of an agent that was reset is of no use any more.
    return findAgent(this.env as object, this.#now.address) as unknown as DurableObjectStub<AgentType>;
  }

  get instanceId(): string {
    return this.#now.speaker.instanceId;
  }

  /** The same as `instanceId`. */
  get workflowId(): string {
    return this.instanceId;
  }

  /** The name of the workflow's binding. */
  get workflowName(): string {
    return this.#now.speaker.workflowName;
  }

  /**
   * Tells the agent how far the work is: `onWorkflowProgress` is called. Not a step: it may be told again after a failure.
   *
   * @example await this.reportProgress({ step: "resize", status: "running", percent: 0.4 });
   */
  async reportProgress(progress: ProgressType): Promise<void> {
    const { life } = this.#now;
    const told = this.#tell({ kind: "progress", life, sequence: ++this.#now.sequence, progress });
    await told.catch((error: unknown) => {
      // That nobody can watch is no reason for a workflow to fail.
      if (!isPlatformError(error)) throw error;
      console.error("reportProgress:", error);
    });
  }

  /**
   * Sends a message to all clients of the agent, as JSON. Nobody waits for it, and it may be sent again after a failure.
   *
   * @example this.broadcastToClients({ type: "preview", url });
   */
  broadcastToClients(message: unknown): void {
    const { life } = this.#now;
    const sent = this.#tell({ kind: "broadcast", life, sequence: ++this.#now.sequence, message });
    this.ctx.waitUntil(sent.catch((error: unknown) => console.error("broadcastToClients:", error)));
  }

  /**
   * Waits until somebody approves: with `approveWorkflow` of the agent, or in its approvals (`agents/approvals`), where the request
   * is a row that can be listed. Nothing runs meanwhile.
   *
   * @returns the metadata of the approval; `undefined` when the time is over
   * @throws WorkflowRejectedError
   * @example
   * const approval = await this.waitForApproval<{ approvedBy: string }>(step, { timeout: "7 days" });
   * if (!approval) throw new Error("Nobody decided");
   */
  async waitForApproval<Metadata = Record<string, unknown>>(
    step: AgentWorkflowStep,
    options: WaitForApprovalOptions = {}
  ): Promise<Metadata | undefined> {
    const now = this.#now;
    const number = ++now.approvals;
    const deps = { tell: (report: Report) => this.#tell(report), instanceId: this.instanceId, params: now.params };
    // Only whoever approves knows what it says.
    return (await awaitDecision(step, number, options, deps)) as Metadata | undefined;
  }

  async #execute(event: WorkflowEvent<unknown>, step: WorkflowStep, run: Run): Promise<unknown> {
    const { address, params } = addressIn(event.payload);
    const speaker = { workflowName: address.__workflowName, instanceId: event.instanceId, run: "" };
    const now: Running = (this.#running = {
      address,
      stub: findAgent(this.env as object, address),
      params,
      speaker,
      life: crypto.randomUUID(),
      sequence: 0,
      approvals: 0,
      told: undefined
    });
    speaker.run = await step.do("agent: start", async () => {
      speaker.run = crypto.randomUUID();
      await this.#tell({ kind: "started" });
      return speaker.run;
    });
    const extended = extendStep(step, { tell: (report) => this.#tell(report), ended: (how) => (now.told = how) });
    try {
      const result = await run.call(this, { ...event, payload: params }, extended);
      if (now.told === undefined) await unlessStopped(extended.reportComplete(result));
      return result;
    } catch (error) {
      if (now.told !== "error" && !isStopped(error)) await unlessStopped(extended.reportError(error as Error));
      throw error;
    }
  }

  get #now(): Running {
    if (this.#running) return this.#running;
    throw new AgentError("WORKFLOW_AGENT_UNKNOWN", "A workflow knows its agent only while it runs: use this in run()");
  }

  /** An answer that is lost on its way is asked for again: what was applied is not applied twice. */
  #tell(report: Report): Promise<unknown> {
    const now = this.#now;
    const message: Speaker = { ...now.speaker, timestamp: Date.now() };
    const send = async () => {
      try {
        return await (now.stub as Listener).__workflow(message, report);
      } catch (error) {
        now.stub = findAgent(this.env as object, now.address);
        throw error;
      }
    };
    return retry(send, defaultRetryOptions, { wait, random: Math.random }, isPlatformError);
  }
}

/** The engine has stopped this run, to pause or to end it: nothing has failed. */
const isStopped = (error: unknown): boolean => error instanceof Error && error.message.startsWith("Aborting engine");

/** A workflow ends as it does, whether its agent can be told so or not: that one finds out by looking. */
const unlessStopped = (told: Promise<void>): Promise<void> =>
  told.catch((error: unknown) => {
    if (isStopped(error)) throw error;
  });

const wrapped = new WeakSet<Run>();

/** Lets `run` of a class begin with what it needs to know of its agent. */
function wrapRun(prototype: object): void {
  let owner = prototype;
  while (!Object.hasOwn(owner, "run")) owner = Object.getPrototypeOf(owner) as object;
  const { run } = owner as { run: Run };
  if (wrapped.has(run)) return;
  const wrapper: Run = function (event, step) {
    // A subclass calls the `run` of its base.
    return isExtended(step) ? run.call(this, event, step) : execute(this, event, step, run);
  };
  wrapped.add(wrapper);
  Object.defineProperty(owner, "run", { value: wrapper, configurable: true, writable: true });
}
