import type { CallToolResult, GetPromptResult, ReadResourceResult, Tool } from "@modelcontextprotocol/sdk/types.js";
import type { RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import { isNamespace } from "../../core/class-name";
import { AgentError } from "../../protocol/errors";
import type { McpServers } from "../../protocol/frames";
import { resolveRetry } from "../../retry/retry";
import { checkedUrl, normalUrl } from "./address";
import { aiTools } from "./ai-tools";
import { callbackUrlFor } from "./callback-url";
import { ServerConnection, type ConnectionDeps, type ServerRecord } from "./connection";
import { inspectedServers } from "./inspected";
import type { ManagerDeps, ManagerFront } from "./deps";
import { hex, randomHex, hashOf } from "./encoding";
import { guardedFetch } from "./guarded-fetch";
import { OAuthCallback } from "./oauth-callback";
import type { Target } from "./session";
import { noticingRights, signInFor, type SignIn } from "./sign-in";
import { optionsText, ServerStore } from "./store";
import { nameTools } from "./tool-names";
import type {
  AddMcpServerOptions,
  AddMcpServerResult,
  AddRpcMcpServerOptions,
  Catalogue,
  CatalogueKind,
  MCPConnectionResult,
  MCPDiscoverResult,
  McpAITool,
  McpBinding,
  MCPServerOptions,
  Of,
  RegisterServerOptions
} from "./types";

const rpcPrefix = "rpc:";
const idPattern = /^[A-Za-z0-9-]{1,40}$/;
// A catalogue is looked at again when it is used after so long.
const staleMs = 5 * 60_000;
const retryDefaults = { maxAttempts: 3, baseDelayMs: 500, maxDelayMs: 5_000 };

/** The MCP servers of an agent. It is made when the agent has one. */
export class Manager {
  // No prototype: ids are whatever an older release has stored.
  readonly connections = Object.create(null) as Record<string, ServerConnection>;
  readonly #deps: ManagerDeps;
  readonly #front: ManagerFront;
  readonly #store: ServerStore;
  readonly #connectionDeps: ConnectionDeps;
  readonly #callback: OAuthCallback;
  readonly #hashes = new Map<string, string>();
  readonly #updatedMs = new Map<string, number>();
  /** What is being connected and discovered for the first time. */
  readonly #establishing = new Map<string, Promise<unknown>>();
  readonly #refreshed = new Set<string>();
  #named: ReturnType<typeof nameTools<Tool>> | undefined;

  constructor(deps: ManagerDeps, front: ManagerFront) {
    this.#deps = deps;
    this.#front = front;
    this.#store = new ServerStore(deps.schema);
    this.#connectionDeps = {
      wait: deps.wait.bind(deps),
      random: deps.random.bind(deps),
      emit: deps.emit.bind(deps),
      hold: deps.hold.bind(deps),
      changed: () => this.#changed(),
      // The name of the instance is nobody else's business.
      clientName: () => deps.identity().className,
      target: (record, signIn) => this.#target(record, signIn),
      signIn: (record) => this.#signIn(record),
      saveRecord: (record) => this.#save(record),
      saveCatalogue: (id, catalogue) => this.#saveCatalogue(id, catalogue),
      saveSession: (id, session) => this.#store.saveSession(id, session),
      isStale: (id) => this.#isStale(id)
    };
    this.#callback = new OAuthCallback({
      config: () => front.callbackConfig(),
      hold: deps.hold.bind(deps),
      connection: (id) => this.#find(id),
      signIn: (record) => signInFor(deps, deps.identity().name, record),
      fetchFor: (record) => this.#fetchFor(record),
      saveRecord: (record) => this.#save(record),
      establish: (id) => this.#establish(this.#get(id))
    });
    for (const { record, hash, updatedMs, ...known } of this.#store.load()) {
      if (hash !== undefined) this.#hashes.set(record.id, hash);
      if (updatedMs !== undefined) this.#updatedMs.set(record.id, updatedMs);
      this.#connect(record, known);
    }
  }

  #connect(record: ServerRecord, known: ConstructorParameters<typeof ServerConnection>[1] = {}): ServerConnection {
    const connection = new ServerConnection(record, known, this.#connectionDeps);
    this.connections[record.id] = connection;
    return connection;
  }

  #find(id: string): ServerConnection | undefined {
    return Object.hasOwn(this.connections, id) ? this.connections[id] : undefined;
  }

  #get(id: string): ServerConnection {
    const connection = this.#find(id);
    if (connection) return connection;
    const known = Object.keys(this.connections).join(", ") || "none";
    throw new AgentError("MCP_SERVER_UNKNOWN", `There is no MCP server "${id}"; there are: ${known}`);
  }

  /** Unless it was removed while something was going on. */
  #save(record: ServerRecord): void {
    if (this.#find(record.id)?.record === record) this.#store.save(record);
  }

  get #all(): ServerConnection[] {
    return Object.values(this.connections);
  }

  #changed(): void {
    this.#named = undefined;
    this.#front.changed();
  }

  // --- adding and removing ---

  async addHttp(name: string, url: string, options: AddMcpServerOptions = {}): Promise<AddMcpServerResult> {
    const checked = checkedUrl(url, this.#rules);
    const callbackUrl = callbackUrlFor(this.#deps, options);
    const stored = storedOptions(options);
    const key = normalUrl(checked);
    const existing = this.#existing(name, options.id, (record) => {
      return record.options.bindingName === undefined && normalUrl(new URL(record.serverUrl)) === key;
    });
    return this.#add(existing, { name, serverUrl: checked.href, callbackUrl, options: stored }, options.id);
  }

  async addRpc(name: string, binding: McpBinding, options: AddRpcMcpServerOptions = {}): Promise<AddMcpServerResult> {
    const bindingName = Object.entries(this.#deps.env).find(([, value]) => value === binding)?.[0];
    if (bindingName === undefined) {
      const message = `The binding of the MCP server "${name}" is not one of env, where it has to be found again after a wake`;
      throw new AgentError("MCP_BINDING_UNKNOWN", message);
    }
    const existing = this.#existing(name, options.id, (record) => record.options.bindingName !== undefined);
    const { client, retry, props } = options;
    const stored: MCPServerOptions = { ...storedOptions({ client, retry }), bindingName, ...(props && { props }) };
    optionsText(stored);
    // Each agent has its own: what one of them keeps there, and who it says that it is, is not for another.
    const serverUrl = existing?.record.serverUrl ?? `${rpcPrefix}${this.#deps.identity().id}:${name}`;
    return this.#add(existing, { name, serverUrl, callbackUrl: "", options: stored }, options.id);
  }

  #existing(
    name: string,
    id: string | undefined,
    isSame: (record: ServerRecord) => boolean
  ): ServerConnection | undefined {
    if (typeof name !== "string" || name === "") throw invalid("An MCP server needs a name");
    if (id === undefined) return this.#all.find(({ record }) => record.name === name && isSame(record));
    if (!idPattern.test(id)) throw invalid(`"${id}" is no id: use up to 40 letters, digits and hyphens`);
    const taken = this.#find(id);
    if (taken && !(taken.record.name === name && isSame(taken.record))) {
      throw invalid(`The id "${id}" is that of another MCP server, "${taken.name}"; remove it first`);
    }
    return taken;
  }

  async #add(
    existing: ServerConnection | undefined,
    given: Pick<ServerRecord, "name" | "serverUrl" | "callbackUrl" | "options">,
    id: string | undefined
  ): Promise<AddMcpServerResult> {
    const connection = existing ?? this.#register(id ?? this.#newId(), given);
    if (existing) await this.#update(existing, given);
    const { record, connectionState: state } = connection;
    if (state === "ready") return { id: record.id, state };
    if (state === "authenticating" && (await this.#isPending(record))) {
      return { id: record.id, state, authUrl: record.authUrl! };
    }
    const result = await this.#establish(connection);
    if (result.state === "ready") return { id: record.id, state: "ready" };
    if (result.state === "authenticating") return { id: record.id, state: "authenticating", authUrl: result.authUrl };
    throw connection.error(result);
  }

  /** A server that is there has what it is given now: other headers, another way back. */
  async #update(connection: ServerConnection, given: Pick<ServerRecord, "callbackUrl" | "options">): Promise<void> {
    const { record } = connection;
    const callbackUrl = given.callbackUrl || record.callbackUrl;
    const isMoved = callbackUrl !== record.callbackUrl;
    const isOther = optionsText(given.options) !== optionsText(record.options);
    record.options = given.options;
    if (!isMoved && !isOther) return;
    // The user would come back to where nobody is.
    if (isMoved && record.authUrl !== null) record.authUrl = null;
    record.callbackUrl = callbackUrl;
    this.#store.save(record);
    if (isOther) await connection.close();
  }

  async #isPending(record: ServerRecord): Promise<boolean> {
    const state = record.authUrl === null ? null : new URL(record.authUrl).searchParams.get("state");
    return (
      state !== null && (await signInFor(this.#deps, this.#deps.identity().name, record).standard.isPending(state))
    );
  }

  #newId(): string {
    for (;;) {
      const id = randomHex(5);
      if (!this.#find(id)) return id;
    }
  }

  #register(id: string, given: Pick<ServerRecord, "name" | "serverUrl" | "callbackUrl" | "options">): ServerConnection {
    const record: ServerRecord = { id, clientId: null, authUrl: null, ...given };
    this.#store.save(record);
    const connection = this.#connect(record);
    this.#changed();
    return connection;
  }

  /** A server to be connected later. */
  async register(id: string, options: RegisterServerOptions): Promise<string> {
    if (!idPattern.test(id)) throw invalid(`"${id}" is no id: use up to 40 letters, digits and hyphens`);
    const { url, name, callbackUrl = "", client, clientOptions, transport, transportOptions, retry } = options;
    const serverUrl = checkedUrl(url, this.#rules).href;
    const stored = storedOptions({
      client: client ?? clientOptions,
      transport: transport ?? transportOptions,
      retry
    });
    const given = { name, serverUrl, callbackUrl, options: stored };
    const existing = this.#find(id);
    const isSame = existing?.record.name === name && normalUrl(existing.url) === normalUrl(new URL(serverUrl));
    if (existing && isSame) await this.#update(existing, given);
    else {
      if (existing) await this.remove(id);
      this.#register(id, given);
    }
    return id;
  }

  async remove(id: string): Promise<void> {
    const connection = this.#find(id);
    if (!connection) return;
    delete this.connections[id];
    this.#store.remove(id);
    this.#hashes.delete(id);
    this.#updatedMs.delete(id);
    this.#changed();
    const { record } = connection;
    if (record.options.bindingName === undefined) {
      await signInFor(this.#deps, this.#deps.identity().name, record).standard.forget();
    }
    await connection.close();
  }

  // --- connecting ---

  get #rules() {
    return { allowLoopback: String(this.#deps.env.MCP_ALLOW_LOOPBACK) === "true" };
  }

  #fetchFor({ serverUrl, options }: ServerRecord) {
    return guardedFetch(new URL(serverUrl), options.transport?.headers ?? {}, this.#rules);
  }

  #signIn(record: ServerRecord) {
    if (record.options.bindingName !== undefined) return undefined;
    const signIn = signInFor(this.#deps, this.#deps.identity().name, record);
    // Somebody would have to come back, and could not.
    return record.callbackUrl === "" && signIn.provider.redirectUrl !== undefined ? undefined : signIn;
  }

  #target(record: ServerRecord, signIn: SignIn | undefined): Target {
    const { bindingName, props, transport } = record.options;
    if (bindingName === undefined) {
      const url = checkedUrl(record.serverUrl, this.#rules);
      const type = transport?.type === "sse" || transport?.type === "streamable-http" ? transport.type : "auto";
      const fetch = this.#fetchFor(record);
      return { type, url, fetch: signIn ? noticingRights(fetch, signIn) : fetch, authProvider: signIn?.provider };
    }
    const namespace = this.#deps.env[bindingName];
    if (!isNamespace(namespace)) {
      throw new AgentError(
        "MCP_BINDING_UNKNOWN",
        `This Worker has no Durable Object binding "${bindingName}" any more`
      );
    }
    return { type: "rpc", namespace, name: record.serverUrl.slice(rpcPrefix.length), props };
  }

  #establish(connection: ServerConnection): ReturnType<ServerConnection["establish"]> {
    const { id } = connection;
    const running = this.#establishing.get(id) as ReturnType<ServerConnection["establish"]> | undefined;
    if (running) return running;
    const work = connection.establish().finally(() => {
      if (this.#establishing.get(id) === work) this.#establishing.delete(id);
    });
    this.#establishing.set(id, work);
    this.#deps.hold(work);
    return work;
  }

  /** After a wake: servers of which nothing is known are asked; the others are there without. */
  restore(): void {
    for (const connection of this.#all) {
      if (!connection.hasCatalogue && connection.connectionState === "connecting") void this.#establish(connection);
    }
  }

  async connectTo(id: string): Promise<MCPConnectionResult> {
    return this.#track(id, this.#get(id).connect());
  }

  async discover(id: string, { timeoutMs }: { timeoutMs?: number } = {}): Promise<MCPDiscoverResult | undefined> {
    return this.#track(id, this.#get(id).discover(timeoutMs));
  }

  /** `waitForConnections` waits for it too. */
  async #track<Result>(id: string, work: Promise<Result>): Promise<Result> {
    const key = `${id} step`;
    this.#establishing.set(key, work);
    try {
      return await work;
    } finally {
      if (this.#establishing.get(key) === work) this.#establishing.delete(key);
    }
  }

  async wait({ timeout }: { timeout?: number } = {}): Promise<void> {
    const settled = Promise.allSettled(this.#establishing.values());
    if (timeout === undefined) return void (await settled);
    const over = new AbortController();
    await Promise.race([settled, this.#deps.wait(timeout, over.signal)]);
    over.abort();
  }

  async close(id: string): Promise<void> {
    await this.#get(id).close();
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#all.map((connection) => connection.close()));
  }

  async #saveCatalogue(id: string, catalogue: Catalogue): Promise<boolean> {
    const body = JSON.stringify(catalogue);
    const hash = hex(await hashOf(body));
    // It was removed meanwhile.
    if (!this.#find(id)) return false;
    const nowMs = this.#deps.now();
    const isNew = this.#hashes.get(id) !== hash;
    if (isNew) this.#store.saveCatalogue(id, hash, body, nowMs);
    else this.#store.touchCatalogue(id, nowMs);
    this.#hashes.set(id, hash);
    this.#updatedMs.set(id, nowMs);
    this.#named = undefined;
    return isNew;
  }

  // --- what servers offer ---

  /** Items of all servers, each with its server's id. */
  list<Kind extends CatalogueKind>(kind: Kind): Of<Catalogue[Kind][number]>[] {
    return this.#all.flatMap((connection) => {
      // Whoever has to sign in cannot use anything.
      if (connection.connectionState === "authenticating") return [];
      const items: readonly Catalogue[Kind][number][] = connection.catalogue[kind];
      return items.map((item) => ({ ...item, serverId: connection.id }));
    });
  }

  state(): McpServers {
    const servers: McpServers["servers"] = {};
    for (const { id, name, record, connectionState, connectionError, catalogue } of this.#all) {
      servers[id] = {
        name,
        server_url: record.serverUrl,
        auth_url: connectionState === "authenticating" ? record.authUrl : null,
        state: connectionState,
        error: connectionError,
        instructions: catalogue.instructions,
        capabilities: catalogue.capabilities
      };
    }
    const [tools, prompts, resources, resourceTemplates] = [
      this.list("tools"),
      this.list("prompts"),
      this.list("resources"),
      this.list("resourceTemplates")
    ];
    return { servers, tools, prompts, resources, resourceTemplates };
  }

  inspect() {
    return inspectedServers([...this.#all]);
  }

  /** Tools for the AI SDK. */
  aiTools(): Record<string, McpAITool> {
    this.#refreshStale();
    return aiTools(this.#tools(), ({ serverId, name }, input, signal) =>
      this.callTool({ serverId, name, arguments: input }, { ...(signal && { signal }) })
    );
  }

  #tools() {
    if (this.#named) return this.#named;
    this.#named = nameTools<Tool>(this.list("tools"));
    for (const { key, tool, isRenamed } of this.#named) {
      if (!isRenamed) continue;
      this.#deps.emit("mcp:client:discover", () => ({
        capability: "tools",
        error: `"${tool.name}" of "${tool.serverId}" is called ${key}: another tool has its name`
      }));
    }
    return this.#named;
  }

  /** The tool that models know by this name. */
  toolOf(key: string): { serverId: string; name: string } | undefined {
    const found = this.#tools().find((named) => named.key === key);
    return found && { serverId: found.tool.serverId, name: found.tool.name };
  }

  #isStale(id: string): boolean {
    return this.#deps.now() - (this.#updatedMs.get(id) ?? 0) >= staleMs;
  }

  /** Once a life: whoever uses a catalogue that is old has the next one. */
  #refreshStale(): void {
    for (const connection of this.#all) {
      const { id, hasCatalogue, isOpen, connectionState } = connection;
      if (!hasCatalogue || isOpen || connectionState !== "ready" || this.#refreshed.has(id)) continue;
      if (!this.#isStale(id)) continue;
      this.#refreshed.add(id);
      this.#deps.hold(connection.session().catch(() => {}));
    }
  }

  // --- using them ---

  async callTool(
    params: { serverId: string; name: string; arguments?: Record<string, unknown> },
    options?: RequestOptions
  ): Promise<CallToolResult> {
    const { serverId, ...call } = params;
    const result = await this.#get(serverId).ask((client) => client.callTool(call, undefined, options));
    // The schema that was asked for is that of a result.
    return result as CallToolResult;
  }

  async readResource(params: { serverId: string; uri: string }, options?: RequestOptions): Promise<ReadResourceResult> {
    const { serverId, uri } = params;
    return this.#get(serverId).ask((client) => client.readResource({ uri }, options));
  }

  async getPrompt(
    params: { serverId: string; name: string; arguments?: Record<string, string> },
    options?: RequestOptions
  ): Promise<GetPromptResult> {
    const { serverId, ...prompt } = params;
    return this.#get(serverId).ask((client) => client.getPrompt(prompt, options));
  }

  /** Somebody comes back from a consent page, or something else. */
  callback(request: Request): Promise<Response | undefined> {
    return this.#callback.handle(request);
  }
}

const invalid = (message: string) => new AgentError("MCP_SERVER_INVALID", message);

/** What of the options outlives the instance: plain data. */
function storedOptions({ client, transport, retry }: Pick<AddMcpServerOptions, "client" | "transport" | "retry">) {
  resolveRetry(retry, retryDefaults);
  const { type, headers } = transport ?? {};
  const options: MCPServerOptions = {};
  if (client) options.client = client;
  if (type || headers) {
    options.transport = {
      ...(type && { type }),
      ...(headers && { headers: Object.fromEntries(new Headers(headers)) })
    };
  }
  if (retry) options.retry = retry;
  optionsText(options);
  return options;
}
