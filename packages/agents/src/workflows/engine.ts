import { AgentError } from "../protocol/errors";
import type { ShouldRetry } from "../retry/retry";
import { workflowIn } from "./address";
import type { WorkflowEventPayload } from "./types";

export interface EngineDeps {
  env: object;
  /** Tries again what failed, as the agent's options say. */
  retry<Result>(run: (attempt: number) => Promise<Result>, shouldRetry: ShouldRetry): Promise<Result>;
}

const isGone = (error: unknown): boolean => says(error, /not[_ ]?found|does not exist|never started/i);
const isTaken = (error: unknown): boolean => says(error, /already[_ ]exists/i);
const isMissing = (error: unknown): boolean => says(error, /not (yet )?(implemented|supported)|is not a function/i);
const isRefused = (error: unknown): boolean => says(error, /instance\.cannot|invalid|finite state/i);

const says = (error: unknown, pattern: RegExp): boolean =>
  pattern.test(error instanceof Error ? error.message : String(error));

/** Another attempt would end the same. */
const isFinal = (error: unknown): boolean =>
  AgentError.isInstance(error) || [isGone, isTaken, isMissing, isRefused].some((is) => is(error));

/** The engine of Workflows, behind its bindings: what it refuses has a code, and what fails otherwise is tried again. */
export class Engine {
  readonly #deps: EngineDeps;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
  }

  /**
   * Creates an instance. An id that is taken is fine if an attempt of ours may have taken it.
   *
   * @throws WORKFLOW_EXISTS; AgentErrors of the binding; what the engine says
   */
  async create(name: string, id: string, params: unknown, mayExist: boolean): Promise<void> {
    const workflow = workflowIn(this.#deps.env, name);
    await this.#try(async (attempt) => {
      try {
        await workflow.create({ id, params });
      } catch (error) {
        if (!isTaken(error)) throw error;
        if (attempt > 1 || mayExist) return;
        throw new AgentError("WORKFLOW_EXISTS", `There is an instance "${id}" of ${name} already`, { cause: error });
      }
    });
  }

  /** What the engine knows of an instance; nothing when it has none. */
  async find(name: string, id: string): Promise<InstanceStatus | undefined> {
    const workflow = workflowIn(this.#deps.env, name);
    try {
      return await this.#try(async () => (await workflow.get(id)).status());
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async sendEvent(name: string, id: string, event: WorkflowEventPayload): Promise<void> {
    await this.#operate(name, id, "sendEvent", (instance) => instance.sendEvent(event));
  }

  /** One of `terminate`, `pause`, `resume`, `restart`. */
  async control(name: string, id: string, operation: "terminate" | "pause" | "resume" | "restart"): Promise<void> {
    await this.#operate(name, id, operation, (instance) => instance[operation]());
  }

  async #operate(
    name: string,
    id: string,
    operation: string,
    run: (instance: WorkflowInstance) => Promise<void>
  ): Promise<void> {
    const workflow = workflowIn(this.#deps.env, name);
    try {
      await this.#try(async () => run(await workflow.get(id)));
    } catch (cause) {
      if (isGone(cause)) throw new AgentError("WORKFLOW_UNKNOWN", `There is no instance "${id}" of ${name}`, { cause });
      if (isMissing(cause)) {
        throw new AgentError(
          "WORKFLOW_UNSUPPORTED",
          `This runtime cannot ${operation} workflows. In local development, a newer wrangler can; deployed Workers can.`,
          { cause }
        );
      }
      if (isRefused(cause)) {
        throw new AgentError("WORKFLOW_REFUSED", `The engine did not ${operation} "${id}": ${messageOf(cause)}`, {
          cause
        });
      }
      throw cause;
    }
  }

  #try<Result>(run: (attempt: number) => Promise<Result>): Promise<Result> {
    return this.#deps.retry(run, (error) => !isFinal(error));
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
