/**
 * Thrown by `waitForApproval` when the request was rejected, or taken back.
 *
 * @example
 * try { await this.waitForApproval(step); }
 * catch (error) { if (error instanceof WorkflowRejectedError) await step.do("undo", () => undo(error.reason)); throw error; }
 */
export class WorkflowRejectedError extends Error {
  override readonly name = "WorkflowRejectedError";
  /** Why, if whoever decided said so. */
  readonly reason: string | undefined;
  readonly workflowId: string;
  readonly metadata: unknown;

  constructor(reason: string | undefined, workflowId: string, metadata?: unknown) {
    super(reason === undefined ? "The workflow was rejected" : `The workflow was rejected: ${reason}`);
    this.reason = reason;
    this.workflowId = workflowId;
    this.metadata = metadata;
  }
}
