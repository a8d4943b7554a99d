import { approvalsOf, onDecided, type DecidedApproval } from "../approvals";
import { Agent, callable, getCurrentAgent } from "../index";

// As a package does: for all agents, in all of their lives.
onDecided("shared", (agent, approval) => (agent as Approver).told(approval));

/** An agent that asks before it acts, and writes down what it was told. */
export class Approver extends Agent {
  /** What the handler does after it has written down that it was called. By the name of the instance. */
  static readonly afterwards = new Map<string, () => void | Promise<void>>();
  readonly contexts: unknown[] = [];
  readonly errors: string[] = [];

  override shouldConnectionBeReadonly() {
    return true;
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
  }
  override async onRequest(request: Request) {
    const user = request.headers.get("user");
    const rights = request.headers.get("rights")?.split(",");
    const answer = await approvalsOf(this).handle(request, user === null ? undefined : { by: user, rights });
    return answer ?? new Response("Not found", { status: 404 });
  }

  /** Decides for a client, and acts at once. */
  @callable()
  approve(id: string) {
    approvalsOf(this).onDecided("program", (approval) => this.told(approval));
    return approvalsOf(this).decide(id, { approved: true, by: "caller" });
  }

  /** As a method that waits first. */
  async decideByStub(id: string) {
    await null;
    return approvalsOf(this).decide(id, { approved: true, by: "stub" });
  }

  told(approval: DecidedApproval): void | Promise<void> {
    this.sql`CREATE TABLE IF NOT EXISTS told (id TEXT, status TEXT)`;
    this.sql`INSERT INTO told VALUES (${approval.id}, ${approval.status})`;
    const { agent, connection } = getCurrentAgent();
    this.contexts.push({ own: agent === this, connection: connection?.id });
    if (connection === undefined) this.setState({ last: approval.id });
    return Approver.afterwards.get(this.name)?.();
  }
}
