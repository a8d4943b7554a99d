import { hasFlag, type Connection } from "./core/connection";
import { currentContext, visibleContext, type AgentContext } from "./core/context";
import type { AgentEmail } from "./core/email";
import { wrapMembers, wrapPrototypes } from "./core/gate";
import type { Host } from "./core/host";
import type { Schema } from "./core/meta";
import { resolveOptions } from "./core/options";
import { isThenable } from "./core/thenable";
import { createSql, type SqlParameter, type SqlRow } from "./core/sql";
import type { DeadLetter } from "./core/work/dead-letters";
import { wait } from "./core/wait";
import { DurableWork } from "./durable-work";
import type { ReplyOptions, SendEmailOptions } from "./email/mail";
import type { Inspection } from "./inspect";
import { AgentError } from "./protocol/errors";
import { stateErrors, type McpServers } from "./protocol/frames";
import type { QueueItem, QueueOptions } from "./queue/queue";
import { resolveRetry, retry, type ShouldRetry } from "./retry/retry";
import type { RetryOptions } from "./retry/retry-options";
import { callableMethods, inheritCallable, type CallableMetadata } from "./rpc/callable";
import { Rpc } from "./rpc/rpc";
import type { AgentMcpOAuthProvider } from "./mcp/client/oauth-provider";
import type { AddMcpServerOptions, AddMcpServerResult, AddRpcMcpServerOptions, McpBinding } from "./mcp/client/types";
import { isCronLoaded, loadCron } from "./schedule/cron";
import type { When } from "./schedule/timing";
import type { CronOptions, RepeatingOptions, Schedule, ScheduleCriteria } from "./schedule/types";
import { aboutOf, hostOf, mailOf, Server } from "./server";
import { notificationOf } from "./state/notification";
import { MCPClientManager } from "./tool-servers";
import { ToolServersBridge } from "./tool-servers-bridge";
import { State, stateSchema, type StateDeps, type StateSource } from "./state/state";
import type {
  RunWorkflowOptions,
  WorkflowCallback,
  WorkflowDecisionOptions,
  WorkflowEventPayload,
  WorkflowInfo,
  WorkflowPage,
  WorkflowQueryCriteria,
  WorkflowState
} from "./workflows/types";
import type { Report, Speaker } from "./workflows/wire";

/** What `inspect()` tells, whether the class allows it or not: for tests. */
export async function lookInto(agent: AnyAgent): Promise<Inspection> {
  const { inspect } = await import("./inspect");
  return inspect({ ...aboutOf(agent), host: hostOf(agent), hasFlag });
}

/**
 * A stateful agent: one class, one Durable Object for each name, with a database, a state that clients see, and
 * connections that survive hibernation. Extend it, export it, and bind it as a SQLite-backed Durable Object.
 *
 * @example
 * export class Counter extends Agent<Env, { count: number }> {
 *   initialState = { count: 0 };
 *   @callable() increment() { this.setState({ count: this.state.count + 1 }); return this.state.count; }
 * }
 */
export class Agent<
  Env = Cloudflare.Env,
  // An unstated state is `any`, so that examples that leave it out type-check; a stated one is exact.
  // oxlint-disable-next-line typescript/no-explicit-any
  StateType = any,
  Props extends object = Record<string, unknown>
> extends Server<Env, Props> {
  /** The agent, as its state sees it. */
  static readonly #Bridge = class implements StateDeps {
    readonly schema: Schema;
    readonly #agent: Agent;
    readonly #host: Host;

    constructor(agent: object, host: Host) {
      this.schema = host.schema("state", stateSchema);
      this.#agent = agent as Agent;
      this.#host = host;
    }

    initial() {
      return this.#agent.initialState as unknown;
    }
    validate(next: unknown, source: StateSource) {
      checkValidation(this.#agent.validateStateChange(next, source));
    }
    changed(next: unknown, source: StateSource) {
      this.#agent.#stateChanged(next, source);
    }
    broadcast(frameFor: (connection: Connection) => string, except: StateSource) {
      this.#host.connections.broadcastFrame(frameFor, (connection) => connection === except);
    }
    failed(error: unknown) {
      void this.#host.failed(error);
    }
  };

  static {
    // What returns nothing may wait for the start when a stub calls it. Getters and queries stay synchronous: they need none.
    wrapMembers(this.prototype, [
      "setState",
      "schedule",
      "scheduleEvery",
      "cancelSchedule",
      "pauseSchedule",
      "resumeSchedule",
      "queue",
      "dequeue",
      "dequeueAll",
      "dequeueAllByCallback",
      "retryDead",
      "removeDead",
      "inspect",
      "addMcpServer",
      "removeMcpServer",
      "sendEmail",
      // Hooks are called by those who are inside.
      ...Object.getOwnPropertyNames(this.prototype).filter((name) => /^(?!on|getWorkflows?$).*workflow/i.test(name))
    ]);
  }

  /** The state of an instance that has none yet. */
  declare initialState: StateType;

  /** The MCP servers that this agent uses. */
  readonly mcp: MCPClientManager;

  readonly #state: State;
  readonly #sql;
  readonly #work: DurableWork;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    wrapPrototypes(new.target.prototype, Agent.prototype, inheritCallable);
    this.#sql = createSql(ctx.storage.sql);
    const host = hostOf(this);
    this.#state = host.install(new State(new Agent.#Bridge(this, host)));
    this.mcp = host.install(new MCPClientManager(new ToolServersBridge(this, host, ctx, env)));
    host.install(new Rpc(this, host));
    this.#work = host.install(new DurableWork(this, host, ctx.storage));
  }

  // --- hooks: override what you need ---

  /** After a state was stored and sent. For side effects; what it throws goes to `onError`. */
  onStateChanged(_state: StateType, _source: StateSource): void | Promise<void> {}

  /** @deprecated Another name of `onStateChanged`, for programs of older releases. Not called beside it. */
  onStateUpdate?(state: StateType, source: StateSource): void | Promise<void>;

  /** Throw to keep a state from being stored. Synchronous. */
  validateStateChange(_next: StateType, _source: StateSource): void {}

  // --- state ---

  /** The current state. The first look at it stores `initialState`. */
  get state(): StateType {
    return this.#state.value as StateType;
  }

  /**
   * Replaces the state: validates it, stores it, sends it to all clients, then calls `onStateChanged`.
   *
   * @param state any JSON value, up to 2,000,000 bytes
   * @throws STATE_TOO_LARGE, STATE_NOT_SERIALIZABLE, CONNECTION_READONLY, or what `validateStateChange` throws; nothing has
   * changed then
   * @example this.setState({ ...this.state, score: 10 });
   */
  setState(state: StateType): void {
    const { connection, agent } = currentContext();
    if (agent === this && connection && hasFlag(connection, "readonly")) {
      throw new AgentError("CONNECTION_READONLY", stateErrors.readonly);
    }
    this.#state.set(state, "server");
  }

  // --- database ---

  /**
   * Queries this instance's own SQLite database. Every value is bound, never spliced into the text.
   *
   * @returns all rows
   * @throws SQL_FAILED (a `SqlError` with the query), SQL_VALUE_INVALID
   * @example const [user] = this.sql<User>`SELECT * FROM users WHERE id = ${id}`;
   */
  sql<Row = SqlRow>(strings: TemplateStringsArray, ...values: SqlParameter[]): Row[] {
    return this.#sql<Row>(strings, ...values);
  }

  // --- schedules ---

  /**
   * Calls a method later: it survives evictions, crashes and deploys. The method gets the payload and the schedule.
   *
   * @param when a delay in seconds, a `Date`, or a cron expression (`minute hour day month weekday`, seconds before it or not)
   * @param callback the name of a method of this agent
   * @param payload any JSON value, up to 2,000,000 bytes
   * @throws SCHEDULE_INVALID, SCHEDULE_ARGUMENTS_REVERSED, CALLBACK_UNKNOWN, PAYLOAD_NOT_SERIALIZABLE, PAYLOAD_TOO_LARGE,
   * RETRY_OPTIONS_INVALID; nothing is stored then
   * @example await this.schedule("0 9 * * 1-5", "sendReport", { to: "all" }, { key: "report", timeZone: "Europe/Berlin" });
   */
  async schedule<Payload = unknown>(
    when: When,
    callback: keyof this,
    payload?: Payload,
    options?: CronOptions
  ): Promise<Schedule<Payload>> {
    if (typeof when === "string" && !isCronLoaded()) await loadCron();
    // What comes back is what was passed.
    return this.#work.schedules.add(when, callback, payload, options) as Schedule<Payload>;
  }

  /**
   * Calls a method again and again. While it still runs, its next time is skipped; an error ends only that one execution.
   *
   * @param intervalSeconds more than 0; the first call is after so many seconds
   * @throws as `schedule` does
   * @example await this.scheduleEvery(30, "poll", { source: "api" }, { key: "poll" });
   */
  async scheduleEvery<Payload = unknown>(
    intervalSeconds: number,
    callback: keyof this,
    payload?: Payload,
    options?: RepeatingOptions
  ): Promise<Schedule<Payload>> {
    return this.#work.schedules.addInterval(intervalSeconds, callback, payload, options) as Schedule<Payload>;
  }

  /** The schedule with this id, unless it is over or cancelled. */
  getSchedule<Payload = unknown>(id: string): Schedule<Payload> | undefined {
    // Only the caller knows what it has scheduled.
    return this.#work.schedules.get(id) as Schedule<Payload> | undefined;
  }

  /**
   * All schedules for which everything holds that is asked for, in the order of their times.
   *
   * @example this.getSchedules({ type: "cron", timeRange: { end: new Date(Date.now() + 3_600_000) } });
   */
  getSchedules<Payload = unknown>(criteria?: ScheduleCriteria): Schedule<Payload>[] {
    return this.#work.schedules.list(criteria) as Schedule<Payload>[];
  }

  /** Ends a schedule: it does not start again. Returns whether there was one. */
  async cancelSchedule(id: string): Promise<boolean> {
    return this.#work.schedules.cancel(id);
  }

  /** Keeps a schedule from starting until `resumeSchedule`. Returns whether there was one that was not paused. */
  async pauseSchedule(id: string): Promise<boolean> {
    return this.#work.schedules.pause(id);
  }

  /** Lets a paused schedule go on: a repeating one at its next time, another one at its time or at once. */
  async resumeSchedule(id: string): Promise<boolean> {
    if (!isCronLoaded()) await loadCron();
    return this.#work.schedules.resume(id);
  }

  // --- queue ---

  /**
   * Calls a method soon, in the order of the queue: it survives evictions, crashes and deploys. Does not wait for it.
   *
   * @param callback the name of a method of this agent; it gets the payload and the item
   * @param payload any JSON value, up to 2,000,000 bytes
   * @returns the id of the item
   * @throws CALLBACK_UNKNOWN, PAYLOAD_NOT_SERIALIZABLE, PAYLOAD_TOO_LARGE, QUEUE_OPTIONS_INVALID, RETRY_OPTIONS_INVALID; nothing
   * is stored then
   * @example const id = await this.queue("sendMail", { to: "a@example.com" }, { queue: "mail", retry: { maxAttempts: 5 } });
   */
  async queue<Payload = unknown>(callback: keyof this, payload?: Payload, options?: QueueOptions): Promise<string> {
    return this.#work.queue.add(callback, payload, options);
  }

  /** Removes an item. One that runs goes on, and is not tried again. */
  dequeue(id: string): void {
    this.#work.queue.remove(id);
  }

  /** Removes all items of all queues. */
  dequeueAll(): void {
    this.#work.queue.removeAll();
  }

  /** Removes all items for one method. */
  dequeueAllByCallback(callback: string): void {
    this.#work.queue.removeByCallback(callback);
  }

  /** The item with this id, unless it is done or removed. */
  getQueue<Payload = unknown>(id: string): QueueItem<Payload> | undefined {
    return this.#work.queue.get(id) as QueueItem<Payload> | undefined;
  }

  /** The items whose payload has this value at this key, in the order in which they run. */
  getQueues<Payload = unknown>(key: string, value: unknown): QueueItem<Payload>[] {
    return this.#work.queue.find(key, value) as QueueItem<Payload>[];
  }

  // --- what failed for good ---

  /** Schedules and queue items whose attempts are spent, the oldest first. Times of repeating schedules are not among them. */
  listDead(): DeadLetter[] {
    return this.#work.listDead();
  }

  /** Gives one back: a schedule is due at once, an item is the last of its queue. Returns whether there was one. */
  async retryDead(id: string): Promise<boolean> {
    return this.#work.retryDead(id);
  }

  /** Forgets one. Returns whether there was one. */
  async removeDead(id: string): Promise<boolean> {
    return this.#work.removeDead(id);
  }

  // --- mail ---

  /**
   * Replies to a mail, from the address that it was sent to and in its thread. Only until `onEmail` has ended.
   *
   * @returns false, and nothing is sent, for a mail that was written by a program, since two programs may answer each other without end:
   * see `automatic`
   * @throws EMAIL_SECRET_REQUIRED, EMAIL_SECRET_MISSING, EMAIL_INVALID, EMAIL_RELEASED; nothing was sent then
   * @example await this.replyToEmail(email, { fromName: "Support", body: "Thank you!", secret: this.env.EMAIL_SECRET });
   */
  async replyToEmail(email: AgentEmail, options: ReplyOptions): Promise<boolean> {
    return (await mailOf(this)).reply(email, options);
  }

  /**
   * Sends a mail. With a secret, answers come back to this instance by `createSecureReplyEmailResolver`.
   *
   * @returns the id that the mail got, where the platform tells
   * @throws EMAIL_SECRET_MISSING, EMAIL_INVALID (nothing was sent then), or what the binding throws
   * @example
   * await this.sendEmail({
   *   binding: this.env.EMAIL, from: "support@example.com", to: "ada@example.com", subject: "Your order", body: "It is on its way.",
   *   secret: this.env.EMAIL_SECRET
   * });
   */
  async sendEmail(options: SendEmailOptions): Promise<{ messageId: string | undefined }> {
    return (await mailOf(this)).send(options);
  }

  /**
   * What this instance is doing: its connections, why its alarm is set, schedules and queue, dead letters, approvals, turns,
   * workflows, MCP servers. For operators; without payloads, messages and secrets. `static options = { inspect: true }` allows it.
   * A client that calls `inspect` gets it only where `authorize` allows the operation `{ type: "inspect" }`.
   *
   * @returns JSON; of each list at most 100 entries, and how many there are
   * @throws INSPECT_DISABLED when the class does not allow it
   * @example const { deadLetters, alarm } = await (await getAgentByName(env.Worker, "one")).inspect();
   */
  async inspect(): Promise<Inspection> {
    if (!resolveOptions(this.constructor).inspect) {
      throw new AgentError("INSPECT_DISABLED", "static options = { inspect: true } allows it");
    }
    return lookInto(this);
  }

  // --- workflows ---

  /** A workflow tells how far it is, by `reportProgress`. What it throws goes to `onError`. */
  onWorkflowProgress(_workflowName: string, _instanceId: string, _progress: unknown): void | Promise<void> {}

  /** A workflow is done. What it throws makes the workflow say it again, a few times. */
  onWorkflowComplete(_workflowName: string, _instanceId: string, _result?: unknown): void | Promise<void> {}

  /** A workflow has failed. What it throws makes the workflow say it again, a few times. */
  onWorkflowError(_workflowName: string, _instanceId: string, _error: string): void | Promise<void> {}

  /** A workflow tells something, by `step.sendEvent`. What it throws makes the workflow say it again, a few times. */
  onWorkflowEvent(_workflowName: string, _instanceId: string, _event: unknown): void | Promise<void> {}

  /** Before each of the four above, with all that is known. */
  onWorkflowCallback(_callback: WorkflowCallback): void | Promise<void> {}

  /**
   * Starts a workflow and keeps track of it. If the instance is evicted or killed meanwhile, it is started all the same, once.
   *
   * @param workflowName the workflow's binding in `env`
   * @param params an object, up to 1 MB, for `event.payload` of the workflow
   * @returns the id of the workflow's instance
   * @throws WORKFLOW_UNKNOWN (no such binding; or the Worker has no workflows of its own, and no `trackWorkflows()`), WORKFLOW_AGENT_UNKNOWN (the workflow could not find this agent), WORKFLOW_EXISTS,
   * WORKFLOW_INVALID, or what the engine says after a few attempts
   * @example const id = await this.runWorkflow("REPORT", { topic }, { metadata: { userId } });
   */
  async runWorkflow(workflowName: string, params?: object, options?: RunWorkflowOptions): Promise<string> {
    return this.#work.workflows.run(workflowName, params, options);
  }

  /**
   * Sends an event to a workflow that waits for it, or will.
   *
   * @throws WORKFLOW_UNKNOWN, WORKFLOW_INVALID
   * @example await this.sendWorkflowEvent("REPORT", id, { type: "paid", payload: { amount: 7 } });
   */
  async sendWorkflowEvent(workflowName: string, instanceId: string, event: WorkflowEventPayload): Promise<void> {
    return this.#work.workflows.sendEvent(workflowName, instanceId, event);
  }

  /** Asks the engine how an instance is, and writes that down. @throws WORKFLOW_UNKNOWN */
  async getWorkflowStatus(workflowName: string, instanceId: string): Promise<WorkflowState> {
    return this.#work.workflows.status(workflowName, instanceId);
  }

  /** A workflow that this agent has started, as it was last heard of. */
  getWorkflow(instanceId: string): WorkflowInfo | undefined {
    return this.#work.workflows.get(instanceId);
  }

  /**
   * The workflows of this agent for which everything holds that is asked for, the newest first.
   *
   * @throws WORKFLOW_INVALID
   * @example const { workflows, nextCursor } = this.getWorkflows({ status: ["running", "waiting"], metadata: { userId } });
   */
  getWorkflows(criteria?: WorkflowQueryCriteria): WorkflowPage {
    return this.#work.workflows.list(criteria);
  }

  /** Forgets a workflow; it goes on if it runs. Returns whether there was one. */
  deleteWorkflow(instanceId: string): boolean {
    return this.#work.workflows.remove(instanceId);
  }

  /**
   * Forgets those for which everything holds that is asked for. `static options.workflowRetentionSeconds` does this by itself.
   *
   * @returns how many
   * @example this.deleteWorkflows({ status: "complete", createdBefore: new Date(Date.now() - 7 * 86_400_000) });
   */
  deleteWorkflows(criteria?: WorkflowQueryCriteria): number {
    return this.#work.workflows.removeAll(criteria);
  }

  /** Ends a workflow at once. @throws WORKFLOW_UNKNOWN, WORKFLOW_REFUSED (it is over), WORKFLOW_UNSUPPORTED */
  async terminateWorkflow(instanceId: string): Promise<void> {
    return this.#work.workflows.terminate(instanceId);
  }

  /** Stops a workflow after the step that it is at. @throws as `terminateWorkflow` */
  async pauseWorkflow(instanceId: string): Promise<void> {
    return this.#work.workflows.pause(instanceId);
  }

  /** Lets a paused workflow go on. @throws as `terminateWorkflow` */
  async resumeWorkflow(instanceId: string): Promise<void> {
    return this.#work.workflows.resume(instanceId);
  }

  /**
   * Begins a workflow again, with the same id and parameters. Its times and its error are cleared, unless `resetTracking` is false.
   *
   * @throws as `terminateWorkflow`
   */
  async restartWorkflow(instanceId: string, options?: { resetTracking?: boolean }): Promise<void> {
    return this.#work.workflows.restart(instanceId, options);
  }

  /**
   * Approves what a workflow waits for (`waitForApproval`), or will wait for first.
   *
   * @throws WORKFLOW_UNKNOWN, WORKFLOW_NOT_WAITING, WORKFLOW_INVALID (it waits for several: say which), and what `decide` of
   * `agents/approvals` throws
   * @example await this.approveWorkflow(id, { by: user.id, metadata: { approvedBy: user.id } });
   */
  async approveWorkflow(instanceId: string, options?: WorkflowDecisionOptions): Promise<void> {
    return this.#work.workflows.decide(instanceId, true, options);
  }

  /** Rejects it: `waitForApproval` throws a `WorkflowRejectedError`. @throws as `approveWorkflow` */
  async rejectWorkflow(instanceId: string, options?: WorkflowDecisionOptions): Promise<void> {
    return this.#work.workflows.decide(instanceId, false, options);
  }

  /**
   * After a workflow's binding was renamed: its instances are found under the new name.
   *
   * @returns how many
   * @throws WORKFLOW_UNKNOWN when there is no binding of the new name
   * @example onStart() { this.migrateWorkflowBinding("OLD_NAME", "NEW_NAME"); }
   */
  migrateWorkflowBinding(oldName: string, newName: string): number {
    return this.#work.workflows.rename(oldName, newName);
  }

  /** Called by `AgentWorkflow`. */
  async __workflow(speaker: Speaker, report: Report): Promise<unknown> {
    return this.#work.workflows.hear(speaker, report);
  }

  // --- trying again ---

  /**
   * Runs a function until it succeeds, its attempts are spent, or `shouldRetry` says no. Waits in between, at random up to a
   * bound that doubles each time.
   *
   * @param run gets the number of the attempt, from 1
   * @param options what differs from `static options.retry` (by default 3 attempts, 100 ms doubled up to 3,000 ms);
   * `shouldRetry(error, nextAttempt)` returns false where another attempt would be in vain
   * @returns what `run` returns
   * @throws RETRY_OPTIONS_INVALID before anything has run; then the error of the last attempt
   * @example const page = await this.retry(() => load(url), { maxAttempts: 5 });
   */
  async retry<Result>(
    run: (attempt: number) => Result | Promise<Result>,
    options?: RetryOptions & { shouldRetry?: ShouldRetry }
  ): Promise<Result> {
    const resolved = resolveRetry(options, resolveOptions(this.constructor).retry);
    return retry(run, resolved, { wait, random: Math.random }, options?.shouldRetry);
  }

  // --- MCP servers ---

  /**
   * Uses the tools of an MCP server from now on, in all lives of this agent. A server that is there by this name and URL is not added again:
   * call this in `onStart` if you like.
   *
   * @param name for people
   * @param url a public address, by https or http
   * @returns `ready`, or where the user has to sign in first
   * @throws MCP_URL_BLOCKED, MCP_SERVER_INVALID, MCP_CALLBACK_PATH_REQUIRED, RETRY_OPTIONS_INVALID before anything is stored;
   * MCP_CONNECTION_FAILED, with the cause, when the server cannot be used: it is kept, as `failed`
   * @example const { id, authUrl } = await this.addMcpServer("GitHub", "https://mcp.github.com/mcp", { id: "github" });
   */
  async addMcpServer(name: string, url: string, options?: AddMcpServerOptions): Promise<AddMcpServerResult>;
  /**
   * The same for an `McpAgent` of this Worker, by Durable Object RPC. Each agent has an instance of its own there.
   *
   * @throws MCP_BINDING_UNKNOWN when the binding is not in `env`; MCP_CONNECTION_FAILED
   * @example await this.addMcpServer("tools", this.env.MyMCP, { props: { userId: "u1" } });
   */
  async addMcpServer(
    name: string,
    binding: McpBinding,
    options?: AddRpcMcpServerOptions
  ): Promise<{ id: string; state: "ready"; authUrl?: undefined }>;
  async addMcpServer(
    name: string,
    server: string | McpBinding,
    options?: AddMcpServerOptions | AddRpcMcpServerOptions
  ): Promise<AddMcpServerResult> {
    return this.mcp.add(name, server, options);
  }

  /** Ends the connection to a server, and forgets it with its tokens and tools. */
  async removeMcpServer(id: string): Promise<void> {
    await this.mcp.removeServer(id);
  }

  /** All MCP servers with their states, and all that they offer. */
  getMcpServers(): McpServers {
    return this.mcp.getMcpServers();
  }

  /** Sends all clients the list of MCP servers. It is sent by itself when it changes. */
  broadcastMcpServers(): void {
    this.mcp.broadcast();
  }

  /** Override it to sign in at MCP servers in a way of your own: with credentials that you have, or other storage for tokens. */
  createMcpOAuthProvider?(callbackUrl: string): AgentMcpOAuthProvider;

  // --- calls ---

  /** The methods that clients can call, with what `@callable` says of them. */
  getCallableMethods(): Map<string, CallableMetadata> {
    return callableMethods(this);
  }

  #stateChanged(next: StateType, source: StateSource): void {
    const host = hostOf(this);
    host.emit("state:update", () => ({}));
    const pending: unknown = notificationOf(this, Agent.prototype).call(this, next, source);
    if (isThenable(pending)) void pending.then(undefined, (error: unknown) => host.failed(error));
  }
}

/** A validation that returns a promise has not said anything when the state is stored. */
function checkValidation(result: unknown): void {
  if (!isThenable(result)) return;
  // What it says later, nobody hears.
  result.then(undefined, () => {});
  throw new AgentError("STATE_VALIDATION_ASYNC", "validateStateChange() must be synchronous: it returned a promise");
}

/** An agent of whatever type parameters. */
// oxlint-disable-next-line typescript/no-explicit-any
type AnyAgent = Agent<any, any, any>;

/**
 * The agent whose code is running, and what it was called by. All fields are `undefined` outside of an agent.
 *
 * @example const { agent, connection } = getCurrentAgent<ChatAgent>();
 */
export function getCurrentAgent<Self extends AnyAgent = Agent>(): AgentContext<Self> {
  // The caller knows which class of agent its code runs in.
  return visibleContext() as AgentContext<Self>;
}
