import { isThenable } from "../core/thenable";
import type { Schema } from "../core/meta";
import { approvalOf, type ApprovalRow, type DecidedApproval } from "./approval";

/** Is told of a decision, at least once. What it throws, or rejects with, is reported, and it is called again later. */
export type DecisionHandler<Args = unknown> = (approval: DecidedApproval<Args>) => void | Promise<void>;

export interface DeliveryDeps {
  readonly schema: Schema;
  now(): number;
  /** The next wake may have moved. */
  changed(): void;
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): Promise<void>;
  /** Tells the runtime that there is work until the promise settles. */
  hold(promise: Promise<void>): void;
  /** Runs code of the program as the agent's own, whoever it was that decided. */
  run<Result>(run: () => Result): Result;
  /** The handler that a package has for a source, in all agents. */
  sharedHandler(source: string): DecisionHandler | undefined;
}

const firstPauseMs = 5_000;
const maxAttempts = 10;
const batch = 100;

/** When an attempt that began now is taken for failed. */
const leaseOf = (nowMs: number, attempts: number): number => nowMs + firstPauseMs * 2 ** (attempts - 1);

/**
 * Tells handlers of decisions. The row counts an attempt before it begins and says when the next one is due, so that one which
 * is cut by an eviction is made again, and one which always fails is not made for ever.
 */
export class Delivery {
  readonly #deps: DeliveryDeps;
  #handlers: Map<string, DecisionHandler> | undefined;
  /** Rows whose handler runs right now. */
  #running: Set<number> | undefined;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
  }

  /** From now on, decisions about requests of this source go there; those that nobody was told of, soon. */
  register(source: string, handler: DecisionHandler): void {
    (this.#handlers ??= new Map()).set(source, handler);
    const { schema, now, changed } = this.#deps;
    // Not at once: this may be the constructor of the agent.
    const parked = schema.exists
      ? schema.write(
          `UPDATE cf_agents_approvals SET deliver_ms = ?
           WHERE attempts < ${maxAttempts} AND attempts IS NOT NULL AND deliver_ms IS NULL AND source = ? RETURNING seq`,
          now(),
          source
        )
      : [];
    if (parked.length > 0) changed();
  }

  /** Tries again what nobody could be told of. */
  revive(id: string): boolean {
    const { schema, now, changed } = this.#deps;
    if (!schema.exists) return false;
    const query = `UPDATE cf_agents_approvals SET attempts = 0, deliver_ms = ?
                   WHERE id = ? AND attempts IS NOT NULL RETURNING seq`;
    const revived = schema.write(query, now(), id).length > 0;
    if (revived) changed();
    return revived;
  }

  /** What to write of a decision that is made now: the first attempt begins in the same turn. */
  claim(source: string): { attempts: number; deliverMs: number | null } {
    if (!this.#handlerOf(source)) return { attempts: 0, deliverMs: null };
    return { attempts: 1, deliverMs: leaseOf(this.#deps.now(), 1) };
  }

  /** Runs the handler of a row that has been claimed. Nobody waits for its end. */
  begin(row: ApprovalRow): void {
    const handler = this.#handlerOf(row.source);
    if (!handler) return;
    // Its row says that it is decided.
    const approval = approvalOf(row, this.#deps.now()) as DecidedApproval;
    try {
      const result = this.#deps.run(() => handler(approval));
      if (isThenable(result)) this.#deps.hold(this.#settle(row, result));
      else this.#succeeded(row);
    } catch (error) {
      this.#deps.changed();
      this.#deps.hold(this.#deps.failed(error));
    }
  }

  async #settle(row: ApprovalRow, result: PromiseLike<unknown>): Promise<void> {
    (this.#running ??= new Set()).add(row.seq);
    this.#deps.changed();
    try {
      await result;
      this.#succeeded(row);
    } catch (error) {
      await this.#deps.failed(error);
    } finally {
      this.#running.delete(row.seq);
      this.#deps.changed();
    }
  }

  #succeeded({ seq }: ApprovalRow): void {
    this.#write("attempts = NULL, deliver_ms = NULL", seq);
  }

  /**
   * What is due: decisions whose handler was cut, failed, or came later than they. One that takes its time keeps neither the
   * others nor the alarm from their work.
   */
  onWake(nowMs: number): void {
    const due = this.#deps.schema.read<ApprovalRow>(
      `SELECT * FROM cf_agents_approvals WHERE attempts IS NOT NULL AND deliver_ms <= ?
       ORDER BY deliver_ms, decided_ms, seq LIMIT ${batch}`,
      nowMs
    );
    for (const row of due) this.#again(row, nowMs);
  }

  #again(row: ApprovalRow, nowMs: number): void {
    const attempts = (row.attempts ?? 0) + 1;
    // Still at it: no reason to begin twice.
    if (this.#running?.has(row.seq)) return this.#write("deliver_ms = ?", leaseOf(nowMs, attempts), row.seq);
    if (attempts > maxAttempts) this.#gaveUp(row);
    if (attempts > maxAttempts || !this.#handlerOf(row.source)) return this.#write("deliver_ms = NULL", row.seq);
    this.#write("attempts = ?, deliver_ms = ?", attempts, leaseOf(nowMs, attempts), row.seq);
    this.begin(row);
  }

  #gaveUp({ id, source, attempts }: ApprovalRow): void {
    this.#deps.emit("approval:undelivered", () => ({ id, source, attempts }));
  }

  #handlerOf(source: string): DecisionHandler | undefined {
    return this.#handlers?.get(source) ?? this.#deps.sharedHandler(source);
  }

  #write(assignments: string, ...values: (string | number | null)[]): void {
    this.#deps.schema.write(`UPDATE cf_agents_approvals SET ${assignments} WHERE seq = ?`, ...values);
  }
}
