import type { Capability } from "./core/capability";
import type { Connection } from "./core/connection";
import { sendFrame } from "./core/connections";
import type { McpServers, McpServersFrame } from "./protocol/frames";
import type { ManagerDeps } from "./mcp/client/deps";
import type { Manager } from "./mcp/client/manager";
import type {
  AddMcpServerOptions,
  AddRpcMcpServerOptions,
  CatalogueKind,
  McpBinding,
  MCPClientConnection,
  MCPClientOAuthCallbackConfig
} from "./mcp/client/types";

type Async<Method extends keyof Manager> = Manager[Method] extends (...args: infer Args) => infer Result
  ? { args: Args; result: Promise<Awaited<Result>> }
  : never;

/** What the manager of an agent is made of. */
export interface MCPClientManagerOptions extends ManagerDeps {
  /** Whether an earlier life of the agent has added servers. */
  hasServers(): boolean;
  broadcast(frame: string): void;
}

const emptyText = JSON.stringify({
  type: "cf_agent_mcp_servers",
  mcp: { servers: {}, tools: [], prompts: [], resources: [] }
} satisfies McpServersFrame);

/**
 * The MCP servers that an agent uses: `this.mcp`. What servers offer is stored, and there at once after a wake, so all that returns no
 * promise can be asked at any time; a call connects where there is no connection. An agent without servers loads nothing of MCP.
 *
 * @example
 * const result = streamText({ model, messages, tools: this.mcp.getAITools() });
 */
export class MCPClientManager implements Capability {
  readonly name = "mcp";
  readonly #options: MCPClientManagerOptions;
  readonly #listeners = new Set<() => void>();
  #manager: Manager | undefined;
  #loading: Promise<Manager> | undefined;
  #config: MCPClientOAuthCallbackConfig = {};
  /** What clients were told last. */
  #frame = emptyText;
  #isFresh = true;

  constructor(options: MCPClientManagerOptions) {
    this.#options = options;
  }

  #load(): Promise<Manager> {
    return (this.#loading ??= import("./mcp/client/manager").then(({ Manager: Loaded }) => {
      const front = { changed: () => this.#changed(), callbackConfig: () => this.#config };
      return (this.#manager = new Loaded(this.#options, front));
    }));
  }

  inspect() {
    return this.#manager?.inspect();
  }

  // --- what there is ---

  /** Connections by the ids of their servers. Their `client` connects by itself. */
  get mcpConnections(): Readonly<Record<string, MCPClientConnection>> {
    return this.#manager?.connections ?? {};
  }

  /** All servers, and what they offer, as clients are told of it. */
  getMcpServers(): McpServers {
    return this.#manager?.state() ?? { servers: {}, tools: [], prompts: [], resources: [], resourceTemplates: [] };
  }

  /** The tools of all servers, as the AI SDK takes them, under names that their servers are part of: `tool_{server}_{tool}`. */
  getAITools(): ReturnType<Manager["aiTools"]> {
    return this.#manager?.aiTools() ?? {};
  }

  /** The server and the tool that have this name in `getAITools()`. */
  resolveAITool(key: string): { serverId: string; name: string } | undefined {
    return this.#manager?.toolOf(key);
  }

  #list<Kind extends CatalogueKind>(kind: Kind): ReturnType<typeof Manager.prototype.list<Kind>> {
    return this.#manager?.list(kind) ?? [];
  }
  /** The tools of all servers, each with its `serverId`. */
  listTools() {
    return this.#list("tools");
  }
  /** The prompts of all servers, each with its `serverId`. */
  listPrompts() {
    return this.#list("prompts");
  }
  /** The resources of all servers, each with its `serverId`. */
  listResources() {
    return this.#list("resources");
  }
  /** The templates of resources of all servers, each with its `serverId`. */
  listResourceTemplates() {
    return this.#list("resourceTemplates");
  }

  // --- adding, connecting, removing ---

  /** As `addMcpServer` of the agent does. */
  async add(
    name: string,
    server: string | McpBinding,
    options?: AddMcpServerOptions | AddRpcMcpServerOptions
  ): Async<"addHttp">["result"] {
    const manager = await this.#load();
    return typeof server === "string" ? manager.addHttp(name, server, options) : manager.addRpc(name, server, options);
  }

  /** As `addMcpServer`, under the name of the URL's host. */
  async connect(url: string, options?: AddMcpServerOptions): Async<"addHttp">["result"] {
    return this.add(URL.canParse(url) ? new URL(url).host : url, url, options);
  }

  /**
   * Adds a server without connecting to it.
   *
   * @param id letters, digits and hyphens, at most 40
   * @throws MCP_SERVER_INVALID, MCP_URL_BLOCKED
   */
  async registerServer(...args: Async<"register">["args"]): Async<"register">["result"] {
    return (await this.#load()).register(...args);
  }

  /** As `removeMcpServer` of the agent does. */
  async removeServer(id: string): Promise<void> {
    await (await this.#load()).remove(id);
  }

  /**
   * Connects to a server that was registered. What it offers is asked by `discoverIfConnected`.
   *
   * @throws MCP_SERVER_UNKNOWN
   */
  async connectToServer(id: string): Async<"connectTo">["result"] {
    return (await this.#load()).connectTo(id);
  }

  /**
   * Asks a server what it offers. `undefined` without a connection to it.
   *
   * @param options `timeoutMs`, 30,000 by default
   * @throws MCP_SERVER_UNKNOWN
   */
  async discoverIfConnected(...args: Async<"discover">["args"]): Async<"discover">["result"] {
    return (await this.#load()).discover(...args);
  }

  /** Waits until nothing is being connected or discovered, or for `timeout` ms. */
  async waitForConnections(options?: { timeout?: number }): Promise<void> {
    await (await this.#loading)?.wait(options);
  }

  /** Ends the connection to a server, which stays registered: a call connects again. */
  async closeConnection(id: string): Promise<void> {
    await (await this.#load()).close(id);
  }

  /** Ends all connections. Servers stay registered. */
  async closeAllConnections(): Promise<void> {
    await this.#manager?.closeAll();
  }

  // --- using ---

  /**
   * Calls a tool. Connects first, if need be.
   *
   * @throws MCP_SERVER_UNKNOWN, MCP_UNAUTHORIZED, MCP_CONNECTION_FAILED, or what the server answers
   */
  async callTool(...args: Async<"callTool">["args"]): Async<"callTool">["result"] {
    return (await this.#load()).callTool(...args);
  }
  /** Reads a resource. Connects first, if need be. Throws as `callTool` does. */
  async readResource(...args: Async<"readResource">["args"]): Async<"readResource">["result"] {
    return (await this.#load()).readResource(...args);
  }
  /** Gets a prompt. Connects first, if need be. Throws as `callTool` does. */
  async getPrompt(...args: Async<"getPrompt">["args"]): Async<"getPrompt">["result"] {
    return (await this.#load()).getPrompt(...args);
  }

  // --- telling ---

  /** Says what users see when they come back from a consent page. Call it in `onStart`. */
  configureOAuthCallback(config: MCPClientOAuthCallbackConfig): void {
    this.#config = config;
  }

  /** Calls a function each time that a server's state, or what it offers, has changed; until `dispose()`. */
  onServerStateChanged(listener: () => void): { dispose(): void } {
    const own = () => listener();
    this.#listeners.add(own);
    return { dispose: () => void this.#listeners.delete(own) };
  }

  #changed(): void {
    this.#isFresh = false;
    this.broadcast(true);
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.failed(error);
      }
    }
  }

  /** Sends all clients what there is. */
  broadcast(onlyNews = false): void {
    const before = this.#frame;
    const frame = this.#text();
    if (!onlyNews || frame !== before) this.#options.broadcast(frame);
  }

  #text(): string {
    if (this.#isFresh || !this.#manager) return this.#frame;
    const mcp = this.#manager.state();
    const frame: McpServersFrame = { type: "cf_agent_mcp_servers", mcp };
    this.#isFresh = true;
    return (this.#frame = Object.keys(mcp.servers).length === 0 ? emptyText : JSON.stringify(frame));
  }

  // --- as a part of the agent ---

  onStart(): Promise<void> | undefined {
    if (!this.#options.hasServers()) return undefined;
    return this.#load().then(() => {
      this.#isFresh = false;
    });
  }

  onStarted(): void {
    this.#manager?.restore();
  }

  onConnect(connection: Connection): void {
    sendFrame(connection, this.#text());
  }

  onRequest(request: Request): Promise<Response | undefined> | undefined {
    if (this.#manager && /[?&]state=/.test(request.url)) return this.#manager.callback(request);
  }
}
