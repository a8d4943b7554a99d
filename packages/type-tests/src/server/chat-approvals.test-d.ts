// What a chat agent says of the calls that wait for approval, and how its program decides about them.
import { AIChatAgent, type InputSchema, type ToolApprovalOptions } from "@cloudflare/ai-chat";
import { callable, getCurrentAgent, type Connection } from "agents";
import { approvalsOf, type Approval, type ApprovalViewer } from "agents/approvals";
import { expectTypeOf } from "vitest";
import { z } from "zod";

type User = { id: string; rights: string[] };

const refund = z.object({ order: z.string(), amount: z.number().max(500) });

export class ChatAgent extends AIChatAgent<Cloudflare.Env> {
  override approvalOptions(toolName: string, input: unknown): ToolApprovalOptions | undefined {
    if (toolName !== "refund") return undefined;
    return {
      scope: refund.parse(input).amount > 100 ? "billing" : undefined,
      expiresMs: Date.now() + 86_400_000,
      editable: refund,
      requestedBy: getCurrentAgent().connection?.id
    };
  }

  override approverOf(connection: Connection<User>): ApprovalViewer {
    const { id, rights } = connection.state!;
    return { by: id, rights };
  }

  override async onRequest(request: Request) {
    return (await approvalsOf(this).handle(request, undefined)) ?? new Response("Not found", { status: 404 });
  }

  @callable()
  decide(id: string, approved: boolean) {
    const decided = approvalsOf(this).decide(id, { approved, by: "ada", rights: ["billing"] });
    expectTypeOf(decided).toEqualTypeOf<Approval>();
    return decided.status;
  }
}

// It need not be asynchronous, nor say anything.
export class Plain extends AIChatAgent {
  override approvalOptions() {
    return { editable: true };
  }
}

expectTypeOf(refund).toExtend<InputSchema>();
expectTypeOf<ToolApprovalOptions>().toExtend<{ editable?: boolean | InputSchema | undefined }>();

export class Slow extends AIChatAgent {
  // @ts-expect-error what is stored waits for nobody
  override async approvalOptions() {
    return { editable: true };
  }
}
