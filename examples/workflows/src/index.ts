import { Agent, callable, getCurrentAgent, routeAgentRequest, type Connection, type ConnectionContext } from "agents";
import { approvalsOf } from "agents/approvals";
import {
  AgentWorkflow,
  WorkflowRejectedError,
  type AgentWorkflowEvent,
  type AgentWorkflowStep
} from "agents/workflows";
import { largeAmount, type Expense, type ExpenseRequest, type ExpenseState } from "./shared";

interface Env {
  ExpenseAgent: DurableObjectNamespace<ExpenseAgent>;
  EXPENSE: Workflow;
  PAYDAY: `${number} seconds`;
}

type Params = ExpenseRequest & { requestedBy: string };

/** Pays an expense once people have approved it, however long they take. */
export class ExpenseWorkflow extends AgentWorkflow<ExpenseAgent, Params, { status: Expense["status"] }, Env> {
  async run({ payload }: AgentWorkflowEvent<Params>, step: AgentWorkflowStep) {
    const { amount, description, requestedBy } = payload;
    await step.do("check", async () => {
      if (!(amount > 0)) throw new Error("There is nothing to pay");
    });
    await this.reportProgress({ status: "waiting" });
    const approval = await this.waitForApproval<{ approvedBy: string }>(step, {
      timeout: "7 days",
      subject: "expense",
      args: { amount, description },
      requestedBy,
      quorum: amount >= largeAmount ? 2 : 1
    });
    if (!approval) throw new WorkflowRejectedError("Nobody decided within a week", this.instanceId);
    await this.reportProgress({ status: "approved" });
    await step.sleep("until payday", this.env.PAYDAY);
    const receipt = await step.do("pay", () => this.agent.pay(this.instanceId));
    await step.reportComplete(receipt);
    return receipt;
  }
}

/** Everybody's expenses, and who may decide about them. */
export class ExpenseAgent extends Agent<Env, ExpenseState> {
  static override options = { workflowRetentionSeconds: 90 * 86_400 };
  override initialState: ExpenseState = { expenses: [] };

  override onConnect(connection: Connection<{ user: string }>, { request }: ConnectionContext) {
    // Here a program would look into a session or a token.
    connection.setState({ user: new URL(request.url).searchParams.get("user") ?? "somebody" });
  }

  @callable()
  async submit(request: ExpenseRequest): Promise<string> {
    const requestedBy = this.#user();
    const { amount, description } = request;
    const id = crypto.randomUUID();
    const needed = amount >= largeAmount ? 2 : 1;
    const expense: Expense = { id, amount, description, requestedBy, status: "checking", approvedBy: [], needed };
    this.setState({ expenses: [...this.state.expenses, expense] });
    return this.runWorkflow("EXPENSE", { amount, description, requestedBy }, { id, metadata: { requestedBy } });
  }

  @callable()
  async approve(id: string): Promise<void> {
    const by = this.#user();
    const { requestedBy, approvedBy } = this.#find(id);
    if (by === requestedBy) throw new Error("Nobody approves an expense of their own");
    await this.approveWorkflow(id, { by, metadata: { approvedBy: by } });
    this.#change(id, { approvedBy: [...new Set([...approvedBy, by])] });
  }

  @callable()
  async refuse(id: string, reason: string): Promise<void> {
    await this.rejectWorkflow(id, { by: this.#user(), reason });
  }

  /** Who did what and when. */
  @callable()
  trail(id: string): string[] {
    const approvals = approvalsOf(this);
    const approval = approvals.list({ source: "workflow" }).find((other) => other.id.includes(id));
    return approval ? approvals.audit(approval.id).map(({ event, by }) => `${event} by ${by ?? "nobody"}`) : [];
  }

  /** Called by the workflow, once or more: the second time nothing happens. */
  pay(id: string): string {
    this.#change(id, { status: "paid" });
    return `receipt for ${id}`;
  }

  override onWorkflowProgress(_workflowName: string, id: string, progress: unknown) {
    this.#change(id, progress as { status: Expense["status"] });
  }

  override onWorkflowError(_workflowName: string, id: string, error: string) {
    this.#change(id, { status: "refused", reason: error.replace("The workflow was rejected: ", "") });
  }

  #find(id: string): Expense {
    const expense = this.state.expenses.find((other) => other.id === id);
    if (!expense) throw new Error("There is no such expense");
    return expense;
  }

  #change(id: string, changes: Partial<Expense>): void {
    const expenses = this.state.expenses.map((expense) => (expense.id === id ? { ...expense, ...changes } : expense));
    this.setState({ expenses });
  }

  #user(): string {
    const { connection } = getCurrentAgent();
    return (connection?.state as { user: string } | null)?.user ?? "somebody";
  }
}

export default {
  async fetch(request, env) {
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;
