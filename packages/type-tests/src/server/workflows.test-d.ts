// The snippets of the pages "Run Workflows", "Workflows" and "Human-in-the-loop patterns" about workflows.
import { Agent, callable } from "agents";
import {
  AgentWorkflow,
  WorkflowRejectedError,
  type AgentWorkflowEvent,
  type AgentWorkflowStep,
  type DefaultProgress,
  type RunWorkflowOptions,
  type WorkflowCallback,
  type WorkflowInfo,
  type WorkflowPage,
  type WorkflowStatus
} from "agents/workflows";
import { expectTypeOf } from "vitest";

type TaskParams = { taskId: string; data: string };
declare function processData(data: string): Promise<{ rows: number }>;

// proves run-workflows#agent-workflow-types, run-workflows#agent, run-workflows#instanceId, run-workflows#workflowName, run-workflows#env
export class ProcessingWorkflow extends AgentWorkflow<MyAgent, TaskParams> {
  async run(event: AgentWorkflowEvent<TaskParams>, step: AgentWorkflowStep) {
    const params = event.payload;
    const result = await step.do("process-data", async () => {
      return processData(params.data);
    });
    await this.reportProgress({ step: "process", status: "complete", percent: 0.5 });
    this.broadcastToClients({ type: "update", taskId: params.taskId });
    await step.do("save-results", async () => {
      await this.agent.saveResult(params.taskId, result);
    });
    await step.reportComplete(result);
    expectTypeOf(this.instanceId).toBeString();
    expectTypeOf(this.workflowName).toBeString();
    expectTypeOf(this.env).toEqualTypeOf<Cloudflare.Env>();
    // @ts-expect-error the agent has no such method
    await this.agent.saveResults(params.taskId);
    return result;
  }
}

// proves run-workflows#quick-start-types, run-workflows#callback-types
export class MyAgent extends Agent {
  async startTask(taskId: string, data: string) {
    const instanceId = await this.runWorkflow("PROCESSING_WORKFLOW", { taskId, data });
    expectTypeOf(instanceId).toBeString();
    return { instanceId };
  }
  override async onWorkflowProgress(_workflowName: string, _instanceId: string, progress: unknown) {
    this.broadcast(JSON.stringify({ type: "workflow-progress", progress }));
  }
  override async onWorkflowComplete(_workflowName: string, instanceId: string, _result?: unknown) {
    this.deleteWorkflow(instanceId);
  }
  override async onWorkflowError(workflowName: string, instanceId: string, error: string) {
    console.error(`${workflowName}/${instanceId} failed:`, error);
  }
  override async onWorkflowCallback(callback: WorkflowCallback) {
    if (callback.type === "progress") expectTypeOf(callback.progress).toEqualTypeOf<DefaultProgress>();
    if (callback.type === "error") expectTypeOf(callback.error).toBeString();
  }
  async saveResult(taskId: string, result: unknown) {
    void this.sql`INSERT INTO results (task_id, data) VALUES (${taskId}, ${JSON.stringify(result)})`;
  }
  override async onStart() {
    this.migrateWorkflowBinding("OLD_WORKFLOW", "NEW_WORKFLOW");
  }

  // proves run-workflows#query-types
  async manage(instanceId: string, userId: string) {
    await this.runWorkflow("MY_WORKFLOW", { taskId: "123" }, { metadata: { userId, priority: "high" } });
    await this.sendWorkflowEvent("MY_WORKFLOW", instanceId, { type: "custom-event", payload: { action: "proceed" } });
    const { status } = await this.getWorkflowStatus("MY_WORKFLOW", instanceId);
    expectTypeOf(status).toEqualTypeOf<WorkflowStatus>();
    expectTypeOf(this.getWorkflow(instanceId)).toEqualTypeOf<WorkflowInfo | undefined>();
    const page1 = this.getWorkflows({ status: ["complete", "errored"], limit: 20, orderBy: "desc" });
    expectTypeOf(page1).toEqualTypeOf<WorkflowPage>();
    if (page1.nextCursor) this.getWorkflows({ status: "running", metadata: { userId }, cursor: page1.nextCursor });
    this.deleteWorkflows({ status: "complete", createdBefore: new Date(Date.now() - 7 * 24 * 60 * 60 * 1000) });
    await this.terminateWorkflow(instanceId);
    await this.pauseWorkflow(instanceId);
    await this.resumeWorkflow(instanceId);
    await this.restartWorkflow(instanceId, { resetTracking: false });
    await this.approveWorkflow(instanceId, { reason: "Approved by admin", metadata: { approvedBy: userId } });
    await this.rejectWorkflow(instanceId, { reason: "Request denied" });
    expectTypeOf<RunWorkflowOptions["agentBinding"]>().toEqualTypeOf<string | undefined>();
  }
}

type RequestParams = { what: string };

// proves run-workflows#approval-types, guide-human-in-the-loop#workflow-types
export class ApprovalWorkflow extends AgentWorkflow<MyAgent, RequestParams> {
  async run(event: AgentWorkflowEvent<RequestParams>, step: AgentWorkflowStep) {
    const request = await step.do("prepare", async () => ({ ...event.payload, preparedAt: Date.now() }));
    await this.reportProgress({ step: "approval", status: "pending", message: "Awaiting approval" });
    try {
      const approval = await this.waitForApproval<{ approvedBy: string }>(step, { timeout: "7 days" });
      if (!approval) {
        await step.reportError("Approval timeout - escalating to manager");
        throw new Error("Approval timeout");
      }
      expectTypeOf(approval.approvedBy).toBeString();
    } catch (error) {
      if (error instanceof WorkflowRejectedError) expectTypeOf(error.reason).toEqualTypeOf<string | undefined>();
      throw error;
    }
    const result = await step.do(
      "execute",
      { retries: { limit: 5, delay: "10 seconds", backoff: "exponential" }, timeout: "5 minutes" },
      async () => request.what
    );
    await step.reportComplete(result);
    return result;
  }
}

type PipelineProgress = {
  stage: "extract" | "transform" | "load";
  recordsProcessed: number;
  totalRecords: number;
  currentTable?: string;
};

// proves run-workflows#progress-types
export class ETLWorkflow extends AgentWorkflow<MyAgent, { source: string }, PipelineProgress> {
  async run(_event: AgentWorkflowEvent<{ source: string }>, step: AgentWorkflowStep) {
    await this.reportProgress({ stage: "extract", recordsProcessed: 0, totalRecords: 1000, currentTable: "users" });
    // @ts-expect-error there is no such stage
    await this.reportProgress({ stage: "done", recordsProcessed: 0, totalRecords: 1 });
    await step.updateAgentState({ currentTask: { id: "1", status: "processing", startedAt: Date.now() } });
    await step.mergeAgentState({ currentTask: { status: "complete", completedAt: Date.now() } });
    await step.resetAgentState();
    await step.sendEvent({ type: "custom", data: {} });
  }
}

type ExpenseParams = { amount: number; description: string; requestedBy: string };

// proves guide-human-in-the-loop#escalation-types
export class ExpenseDesk extends Agent<Cloudflare.Env, { open: string[] }> {
  @callable()
  async submitForApproval(expense: ExpenseParams): Promise<string> {
    const workflowId = await this.runWorkflow("EXPENSE_WORKFLOW", expense);
    await this.schedule(4 * 60 * 60, "sendReminder", { workflowId });
    return workflowId;
  }
  async sendReminder(payload: { workflowId: string }) {
    const workflow = this.getWorkflow(payload.workflowId);
    if (workflow?.status === "waiting") console.log("Reminder: approval still pending");
  }
}
