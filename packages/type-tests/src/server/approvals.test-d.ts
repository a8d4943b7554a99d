// Approvals as an agent uses them.
import { Agent, AgentError } from "agents";
import {
  approvalsOf,
  onDecided,
  type Approval,
  type ApprovalAuditEntry,
  type ApprovalGrant,
  type DecidedApproval
} from "agents/approvals";
import { expectTypeOf } from "vitest";

type Refund = { order: number; amount: number };

export class Shop extends Agent<Cloudflare.Env, { paid: number }> {
  readonly approvals = approvalsOf(this);

  ask() {
    const approval = this.approvals.request<Refund>({
      subject: "refund",
      args: { order: 7, amount: 20 },
      editable: true
    });
    expectTypeOf(approval).toEqualTypeOf<Approval<Refund>>();
    expectTypeOf(approval.args).toEqualTypeOf<Refund>();
    if (approval.status === "approved") {
      expectTypeOf(approval.approvedArgs).toEqualTypeOf<Refund>();
      expectTypeOf(approval.grantId).toEqualTypeOf<string | undefined>();
    } else if (approval.status !== "pending") {
      expectTypeOf(approval.status).toEqualTypeOf<"rejected" | "expired" | "cancelled">();
      expectTypeOf(approval.decidedMs).toEqualTypeOf<number>();
      // @ts-expect-error only an approved one has arguments to use
      void approval.approvedArgs;
    }
    // @ts-expect-error nobody has decided yet, perhaps
    void approval.decidedMs;
    // The type of the arguments is that of what is given.
    expectTypeOf(this.approvals.request({ subject: "s", args: [1] }).args).toEqualTypeOf<number[]>();
    // @ts-expect-error there is something to be done
    this.approvals.request({ args: 1 });
    // @ts-expect-error other arguments
    this.approvals.request<Refund>({ subject: "refund", args: { order: "7" } });
  }

  async decide(id: string) {
    // Pending, while others have to approve too.
    expectTypeOf(this.approvals.decide<Refund>(id, { approved: true, by: "ada" })).toEqualTypeOf<Approval<Refund>>();
    this.approvals.request({ subject: "transfer", quorum: 2 });
    this.approvals.decide(id, {
      approved: true,
      by: "ada",
      rights: ["billing"],
      args: 1,
      argsHash: "",
      grant: { untilMs: 1 }
    });
    // @ts-expect-error somebody decides
    this.approvals.decide(id, { approved: true });
    // @ts-expect-error not whether, but until when
    this.approvals.decide(id, { approved: true, by: "ada", grant: false });
    expectTypeOf(this.approvals.cancel(id)).toEqualTypeOf<DecidedApproval>();
    expectTypeOf(
      await this.approvals.decision(id, { signal: AbortSignal.timeout(1_000) })
    ).toEqualTypeOf<DecidedApproval>();
  }

  look(id: string) {
    expectTypeOf(this.approvals.get(id)).toEqualTypeOf<Approval | undefined>();
    expectTypeOf(this.approvals.list({ status: "pending", rights: ["billing"] })).toEqualTypeOf<Approval[]>();
    expectTypeOf(this.approvals.audit(id)).toEqualTypeOf<ApprovalAuditEntry[]>();
    expectTypeOf(this.approvals.grants()).toEqualTypeOf<ApprovalGrant[]>();
    // @ts-expect-error no such status
    this.approvals.list({ status: "open" });
  }

  override async onRequest(request: Request) {
    const answer = await this.approvals.handle(request, { by: "ada", rights: ["billing"] });
    expectTypeOf(answer).toEqualTypeOf<Response | undefined>();
    // @ts-expect-error who asks has to be said, be it nobody
    void this.approvals.handle(request);
    return answer ?? new Response("Not found", { status: 404 });
  }

  override onStart() {
    this.approvals.onDecided("program", async (approval) => {
      expectTypeOf(approval).toEqualTypeOf<DecidedApproval>();
    });
  }
}

onDecided("shop", (agent, approval) => {
  expectTypeOf(approval).toEqualTypeOf<DecidedApproval>();
  if (agent instanceof Shop) expectTypeOf(agent.state.paid).toEqualTypeOf<number>();
});

export const isLate = (error: unknown) =>
  AgentError.isInstance(error, "APPROVAL_EXPIRED") || AgentError.isInstance(error, "APPROVAL_DECIDED");
