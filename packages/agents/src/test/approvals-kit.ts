import { approvalsSchema } from "../approvals/approval";
import { Approvals } from "../approvals/approvals";
import type { DecisionHandler } from "../approvals/delivery";
import type { TestStorage } from "./kit";

/** Approvals on a database, with a clock and an alarm of their own. `life()` is a wake: memory is new, the rows are the same. */
export class ApprovalsBench {
  nowMs = 1_000_000;
  /** What the alarm is set for. Stored, as the meta row is. */
  wakeMs: number | undefined;
  readonly events: [type: string, payload: Record<string, unknown>][] = [];
  readonly errors: unknown[] = [];
  readonly shared = new Map<string, DecisionHandler>();
  readonly #storage: TestStorage;
  approvals: Approvals;

  constructor(storage: TestStorage) {
    this.#storage = storage;
    this.approvals = this.life();
  }

  life(): Approvals {
    const approvals = new Approvals({
      schema: this.#storage.schema("approvals", approvalsSchema),
      now: () => this.nowMs,
      wake: () => this.wakeMs,
      changed: () => (this.wakeMs = approvals.nextWake()),
      emit: (type, payload) => void this.events.push([type, payload()]),
      failed: async (error) => void this.errors.push(error),
      hold: () => {},
      run: (run) => run(),
      sharedHandler: (source) => this.shared.get(source)
    });
    return (this.approvals = approvals);
  }

  /** The alarm rings, if it is due. */
  ring(): boolean {
    if (this.wakeMs === undefined || this.wakeMs > this.nowMs) return false;
    this.approvals.onWake(this.nowMs);
    this.wakeMs = this.approvals.nextWake();
    return true;
  }

  /** Time passes, and the alarm rings where it is set. Before each ring, what is running comes to its end or to where it waits. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
      if (this.wakeMs === undefined || this.wakeMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, this.wakeMs);
      this.ring();
    }
    this.nowMs = untilMs;
  }
}
