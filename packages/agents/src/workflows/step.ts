import type { WorkflowStep } from "cloudflare:workers";
import type { Report } from "./wire";

/** A report without what makes it happen once. */
export type Durable = Extract<Report, { key: string }>;
type Unkeyed<Kind extends Durable> = Kind extends Durable ? Omit<Kind, "key"> : never;

/**
 * The steps of a workflow, and those that tell its agent something: durable like all steps, so that what was told is not told again
 * when the workflow goes on after a failure.
 */
export interface AgentWorkflowStep extends WorkflowStep {
  /** The work is done: `onWorkflowComplete` is called. A workflow that returns without it does this by itself. */
  reportComplete(result?: unknown): Promise<void>;
  /** The work failed: `onWorkflowError` is called. A workflow that throws without it does this by itself. */
  reportError(error: Error | string): Promise<void>;
  /** Calls `onWorkflowEvent` of the agent. */
  sendEvent(event: unknown): Promise<void>;
  /** Replaces the state of the agent, and so that of its clients. */
  updateAgentState(state: unknown): Promise<void>;
  /** Replaces some fields of the agent's state. */
  mergeAgentState(partial: Record<string, unknown>): Promise<void>;
  /** Gives the agent its `initialState` again. */
  resetAgentState(): Promise<void>;
}

type Own = Omit<AgentWorkflowStep, keyof WorkflowStep>;

/** What the steps need of their workflow. */
export interface StepDeps {
  tell(report: Report): Promise<unknown>;
  /** The workflow itself has said how it ends. */
  ended(how: "complete" | "error"): void;
}

/** Adds the agent's steps to those of the engine. */
export function extendStep(step: WorkflowStep, deps: StepDeps): AgentWorkflowStep {
  const say = async (name: string, report: Unkeyed<Durable>): Promise<void> => {
    await step.do(name, async ({ step: { count } }) => {
      // A step and its number mean the same in each life of this run.
      await deps.tell({ ...report, key: `${name}:${count}` } as Durable);
    });
  };
  const own: Own = {
    reportComplete(result) {
      deps.ended("complete");
      return say("agent: complete", { kind: "complete", result });
    },
    reportError(error) {
      deps.ended("error");
      return say("agent: error", { kind: "error", ...nameAndMessage(error) });
    },
    sendEvent: (event) => say("agent: event", { kind: "event", event }),
    updateAgentState: (state) => say("agent: update state", { kind: "state", how: "replace", state }),
    mergeAgentState: (state) => say("agent: merge state", { kind: "state", how: "merge", state }),
    resetAgentState: () => say("agent: reset state", { kind: "state", how: "reset" })
  };
  // What the engine gives is a stub, to which nothing can be added.
  const extended = new Proxy(own as AgentWorkflowStep, {
    get: (_, name) => {
      if (Object.hasOwn(own, name)) return own[name as keyof Own];
      // A stub has whatever it is asked for. It is no promise.
      return name === "then" ? undefined : Reflect.get(step, name, step);
    }
  });
  extendedSteps.add(extended);
  return extended;
}

const extendedSteps = new WeakSet<object>();

export const isExtended = (step: WorkflowStep): boolean => extendedSteps.has(step);

/** What the agent is told of an error. */
function nameAndMessage(error: unknown): { name: string; message: string } {
  if (error instanceof Error) return { name: error.name, message: error.message };
  return { name: "Error", message: String(error) };
}
