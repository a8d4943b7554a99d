import { Agent } from "./agent";
import { echoClose } from "./core/connections";
import { runOutside } from "./core/context";
import type { StartMessage } from "./core/route";
import { wait } from "./core/wait";
import { Hub, type HubDeps } from "./mcp/agent/hub";
import { elicit, type ElicitContext, type ElicitParams } from "./mcp/agent/elicit";
import { streamOf } from "./mcp/agent/outlet";
import { handleRpc, type RPCServerTransportOptions } from "./mcp/agent/rpc";
import { RPC_DO_PREFIX, type Deliver } from "./mcp/agent/rpc-client";
import { mcpSchema } from "./mcp/agent/schema";
import { remember, resolveServer, type ServerSource } from "./mcp/agent/server";
import { serve, type McpHandler, type ServeOptions } from "./mcp/agent/handler";
import { ticketHeader, type Command, type Outcome } from "./mcp/agent/wire";
import type { ElicitResult, JSONRPCMessage } from "./mcp/agent/index";
import { hostOf } from "./server";

/** Where the props are that `getAgentByName` has brought. */
const propsKey = "cf_agents_mcp_props";

/**
 * An MCP server that remembers: an agent whose clients are those of MCP. Each session has an instance of its own, unless `serve` is told
 * another name; state, SQL, schedules and everything else of an agent is there.
 *
 * @example
 * export class Counter extends McpAgent<Env, { count: number }> {
 *   server = new McpServer({ name: "counter", version: "1.0.0" });
 *   initialState = { count: 0 };
 *   async init() {
 *     this.server.registerTool("add", { inputSchema: { by: z.number() } }, async ({ by }) => {
 *       this.setState({ count: this.state.count + by });
 *       return { content: [{ type: "text", text: String(this.state.count) }] };
 *     });
 *   }
 * }
 * export default Counter.serve("/mcp");
 */
export abstract class McpAgent<
  Env = Cloudflare.Env,
  // As in `Agent`: an unstated state is `any`, so that examples that leave it out type-check.
  // oxlint-disable-next-line typescript/no-explicit-any
  StateType = any,
  Props extends object = Record<string, unknown>
> extends Agent<Env, StateType, Props> {
  /** The server of the SDK: itself, a promise of it, or a function that makes it. Asked for once a life of the instance, after `init`. */
  abstract server: ServerSource;

  readonly #hub: Hub;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const host = hostOf(this);
    const failed = (error: unknown) => void host.failed(error);
    const deps: HubDeps = {
      schema: host.schema("mcp-server", mcpSchema),
      sockets: ctx,
      now: () => Date.now(),
      wait,
      server: () => this.#makeServer(),
      hold: (promise) => ctx.waitUntil(promise),
      run: (run) => ctx.waitUntil(runOutside(() => Promise.resolve(host.run(undefined, run)).catch(failed))),
      emit: (type, payload) => host.emit(type, payload),
      failed,
      ended: (session) => this.#endOwn(session)
    };
    this.#hub = host.install(new Hub(deps));
  }

  /**
   * Registers tools, resources and prompts. Runs once a life of the instance, before the first request of a client; `props` are there. When
   * it throws, what it has registered is taken away, and it runs again for the next request.
   */
  init(): void | Promise<void> {}

  /**
   * Of the sign-in: what the OAuth provider has put into `ctx.props`, or what was passed by RPC. In an instance that several clients share,
   * those of the client at hand. While there is no session, those that `getAgentByName` has brought last.
   */
  get props(): Props {
    // Whoever declares the type of props knows what its sign-in gives.
    const { session } = this.#hub;
    // A client that has none of its own must not get those of whoever started the instance.
    return (session ? session.props : this.ctx.storage.kv.get(propsKey)) as Props;
  }

  /** How calls by RPC behave. Override it to change their time-out. */
  protected getRpcTransportOptions(): RPCServerTransportOptions {
    return {};
  }

  /**
   * Asks the user of the client for something, in the middle of a tool, and waits for as long as it takes: the answer comes also when the
   * instance has left memory meanwhile. The tool is then run again from its beginning, and gets the answers that there are.
   *
   * @param params what is asked, and the JSON Schema of the answer
   * @param context `extra.requestId` of the tool as `relatedRequestId`; found by itself inside of a tool
   * @returns what the user did, and what was filled in
   * @throws McpError when the client cannot ask its user, answers with an error, or has cancelled the call
   * @example
   * const { action, content } = await this.elicitInput(
   *   { message: "How many?", requestedSchema: { type: "object", properties: { n: { type: "number" } } } },
   *   { relatedRequestId: extra.requestId }
   * );
   */
  async elicitInput(params: ElicitParams, context?: ElicitContext): Promise<ElicitResult> {
    return elicit(await this.#hub.server(), params, context);
  }

  // --- serving ---

  /**
   * A handler for a Worker, or for an OAuth provider.
   *
   * @param path the address of the server; it may have parameters, as those of `URLPattern`
   * @example export default MyMCP.serve("/mcp", { binding: "MyMCP" });
   */
  static serve(path: string, options: ServeOptions = {}): McpHandler {
    return serve(this.name, path, options);
  }

  /**
   * The same for clients that only know the transport of before 2025: a stream of events, and an address for messages below it.
   *
   * @example export default { fetch: MyMCP.serveSSE("/sse").fetch };
   */
  static serveSSE(path: string, options: Omit<ServeOptions, "transport"> = {}): McpHandler {
    return serve(this.name, path, { ...options, transport: "sse" });
  }

  /** @deprecated Another name of `serveSSE`. */
  static mount(path: string, options: Omit<ServeOptions, "transport"> = {}): McpHandler {
    return this.serveSSE(path, options);
  }

  // --- entries ---

  override fetch(request: Request): Promise<Response> {
    const ticket = request.headers.get(ticketHeader);
    if (ticket === null) return super.fetch(request);
    // It is good for one socket that this object was told of by RPC, which no client can do.
    return Promise.resolve(hostOf(this).run({ request }, () => this.#hub.attach(ticket)));
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void | Promise<void> {
    // On the socket of a stream, only we speak.
    if (!streamOf(socket)) return super.webSocketMessage(socket, message);
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean): void | Promise<void> {
    const carried = streamOf(socket);
    if (!carried) return super.webSocketClose(socket, code, reason, wasClean);
    echoClose(socket, code, reason);
    return this.#lineEnded(carried);
  }

  override async webSocketError(socket: WebSocket, error: unknown): Promise<void> {
    const carried = streamOf(socket);
    return carried ? this.#lineEnded(carried) : super.webSocketError(socket, error);
  }

  /** Most streams come again, and nothing of the agent has to wake for their end. */
  #lineEnded({ isLifeline, session }: NonNullable<ReturnType<typeof streamOf>>): void | Promise<void> {
    if (isLifeline) return hostOf(this).run(undefined, () => this.#hub.lifelineClosed(session));
  }

  override async __agentStart(message: StartMessage): Promise<void> {
    if (message.props !== undefined) this.ctx.storage.kv.put(propsKey, message.props);
    await super.__agentStart(message);
  }

  /** Called by `serve`. */
  __mcp(command: Command): Promise<Outcome> {
    return this.#hub.command(command);
  }

  /** Called by `RPCClientTransport`. */
  async handleMcpMessage(
    message: JSONRPCMessage | JSONRPCMessage[],
    deliver?: Deliver,
    props?: unknown
  ): Promise<JSONRPCMessage | JSONRPCMessage[] | undefined> {
    return handleRpc(this.#hub, { session: RPC_DO_PREFIX, props }, message, deliver, this.getRpcTransportOptions());
  }

  async #makeServer() {
    const undo = remember(this.server);
    try {
      await this.init();
    } catch (error) {
      undo();
      throw error;
    }
    return resolveServer(this.server);
  }

  /** An instance that was made for one session is of no use without it. */
  #endOwn(session: string): void {
    const own = [`streamable-http:${session}`, `sse:${session}`];
    if (own.includes(this.name)) this.destroy().catch(() => {});
  }
}
