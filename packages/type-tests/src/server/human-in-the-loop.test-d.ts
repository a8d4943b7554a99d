// The snippets of the page "Human-in-the-loop patterns" that need no workflows.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Agent, callable } from "agents";
import { McpAgent } from "agents/mcp";
import { z } from "zod";

export type PendingApproval = {
  workflowId: string;
  amount: number;
  description: string;
  requestedBy: string;
  requestedAt: number;
};
export type ExpenseState = { pendingApprovals: PendingApproval[] };

// proves guide-human-in-the-loop#audit-types, guide-human-in-the-loop#pending-types
export class ExpenseAgent extends Agent<Cloudflare.Env, ExpenseState> {
  override initialState: ExpenseState = { pendingApprovals: [] };

  override async onStart() {
    void this.sql`
      CREATE TABLE IF NOT EXISTS approval_audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        workflow_id TEXT NOT NULL,
        decision TEXT NOT NULL CHECK(decision IN ('approved', 'rejected')),
        decided_by TEXT NOT NULL,
        decided_at INTEGER NOT NULL,
        reason TEXT
      )
    `;
  }
  @callable()
  async approve(workflowId: string, userId: string, reason?: string): Promise<void> {
    void this.sql`
      INSERT INTO approval_audit (workflow_id, decision, decided_by, decided_at, reason)
      VALUES (${workflowId}, 'approved', ${userId}, ${Date.now()}, ${reason || null})
    `;
    this.setState({
      ...this.state,
      pendingApprovals: this.state.pendingApprovals.filter((p) => p.workflowId !== workflowId)
    });
  }
  @callable()
  async reject(workflowId: string, _reason: string): Promise<void> {
    this.setState({
      ...this.state,
      pendingApprovals: this.state.pendingApprovals.filter((p) => p.workflowId !== workflowId)
    });
  }
  @callable()
  async submitForApproval(workflowId: string): Promise<string> {
    // A number is a delay in seconds; a time is a Date.
    await this.schedule(4 * 60 * 60, "sendReminder", { workflowId });
    await this.schedule(new Date(Date.now() + 24 * 60 * 60 * 1000), "escalateApproval", { workflowId });
    return workflowId;
  }
  async sendReminder(_payload: { workflowId: string }) {
    console.log("Reminder: approval still pending");
  }
  async escalateApproval(_payload: { workflowId: string }) {
    console.log("Escalating to manager");
  }
}

type MultiApproval = {
  workflowId: string;
  requiredApprovals: number;
  currentApprovals: Array<{ userId: string; approvedAt: number }>;
  rejections: Array<{ userId: string; rejectedAt: number; reason: string }>;
};
type State = { pendingMultiApprovals: MultiApproval[] };

// proves guide-human-in-the-loop#multi-approver-types
export class MultiApprovalAgent extends Agent<Cloudflare.Env, State> {
  @callable()
  async approveMulti(workflowId: string, userId: string): Promise<boolean> {
    const approval = this.state.pendingMultiApprovals.find((p) => p.workflowId === workflowId);
    if (!approval) throw new Error("Approval not found");
    if (approval.currentApprovals.some((a) => a.userId === userId)) {
      throw new Error("Already approved by this user");
    }
    approval.currentApprovals.push({ userId, approvedAt: Date.now() });
    if (approval.currentApprovals.length >= approval.requiredApprovals) {
      return true;
    }
    this.setState({ ...this.state });
    return false;
  }
}

// proves guide-human-in-the-loop#elicitation-types
export class CounterMCP extends McpAgent<Cloudflare.Env, { counter: number }, {}> {
  server = new McpServer({ name: "counter-server", version: "1.0.0" });
  override initialState = { counter: 0 };

  override async init() {
    this.server.tool(
      "increase-counter",
      "Increase the counter by a user-specified amount",
      { confirm: z.boolean().describe("Do you want to increase the counter?") },
      async ({ confirm }, extra) => {
        if (!confirm) {
          return { content: [{ type: "text", text: "Cancelled." }] };
        }
        const userInput = await this.server.server.elicitInput(
          {
            message: "By how much do you want to increase the counter?",
            requestedSchema: {
              type: "object",
              properties: {
                amount: { type: "number", title: "Amount", description: "The amount to increase the counter by" }
              },
              required: ["amount"]
            }
          },
          { relatedRequestId: extra.requestId }
        );
        if (userInput.action !== "accept" || !userInput.content) {
          return { content: [{ type: "text", text: "Cancelled." }] };
        }
        const amount = Number(userInput.content.amount);
        this.setState({ ...this.state, counter: this.state.counter + amount });
        return {
          content: [{ type: "text", text: `Counter increased by ${amount}, now at ${this.state.counter}` }]
        };
      }
    );
  }
}
