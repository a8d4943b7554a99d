import { Agent, getCurrentAgent } from "../index";
import type { AgentEmail } from "../email";
import { fault } from "./fault";

/** An agent that does with its mail what a test says. */
export class Postman extends Agent {
  /** For each name, as an instance that was evicted has forgotten what it was told. */
  static readonly handlers = new Map<string, (email: AgentEmail, agent: Postman) => unknown>();
  readonly errors: unknown[] = [];
  /** The mail of `getCurrentAgent()`, in `onEmail` and in a function that it calls. */
  context: unknown;

  override async onEmail(email: AgentEmail) {
    this.context = getCurrentAgent();
    await Postman.handlers.get(this.name)?.(email, this);
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(error ?? connectionOrError);
  }
  /** Ends in the middle of what it does. */
  async die(): Promise<void> {
    this.ctx.abort(fault.reason);
    await new Promise(() => {});
  }
  size(): number {
    return this.sql`SELECT name FROM sqlite_master WHERE name LIKE 'cf_agents_emails%'`.length;
  }
}

/** As `Postman`, for whom a mail that comes twice is one. */
export class OncePostman extends Postman {
  static override options = { dropDuplicateEmails: true };
}

/** An agent that has nothing to do with mail. */
export class Mailless extends Agent {}
