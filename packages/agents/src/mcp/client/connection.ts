import type { Prompt, Resource, ResourceTemplate, ServerCapabilities, Tool } from "@modelcontextprotocol/sdk/types.js";
import { publicMessage } from "../../core/public-message";
import { AgentError } from "../../protocol/errors";
import { resolveRetry, retry } from "../../retry/retry";
import { ClientHandlers, clientFacade } from "./client-facade";
import type { OpenOptions, Resumable, Session, Target } from "./session";
import type { SessionClient } from "./session-client";
import type { SignIn } from "./sign-in";
import type {
  Catalogue,
  McpClient,
  MCPClientConnection,
  MCPConnectionResult,
  MCPConnectionState,
  MCPDiscoverResult,
  MCPServerOptions
} from "./types";

type SessionModule = typeof import("./session");

/** A server, as it is stored. */
export interface ServerRecord {
  id: string;
  name: string;
  serverUrl: string;
  callbackUrl: string;
  clientId: string | null;
  authUrl: string | null;
  options: MCPServerOptions;
}

/** The manager, as a connection sees it. */
export interface ConnectionDeps {
  wait(delayMs: number, signal?: AbortSignal): Promise<void>;
  random(): number;
  emit(type: string, payload: () => Record<string, unknown>): void;
  changed(): void;
  hold(work: Promise<unknown>): void;
  clientName(): string;
  /** How to reach the server. */
  target(record: ServerRecord, signIn: SignIn | undefined): Target;
  signIn(record: ServerRecord): SignIn | undefined;
  saveRecord(record: ServerRecord): void;
  /** Keeps what the server offers. Returns whether it is not what it was. */
  saveCatalogue(id: string, catalogue: Catalogue): Promise<boolean>;
  /** Keeps the session, for the next life too; or forgets it. */
  saveSession(id: string, session: Resumable | undefined): void;
  /** Whether it is time to look again at what the server offers. */
  isStale(id: string): boolean;
}

const retryDefaults = { maxAttempts: 3, baseDelayMs: 500, maxDelayMs: 5_000 };
const answerTimeoutMs = 30_000;
// An open stream keeps an agent in memory. A connection that nobody has used for so long is made again when it is needed.
const idleMs = 30_000;
const nothing: Catalogue = {
  tools: [],
  prompts: [],
  resources: [],
  resourceTemplates: [],
  capabilities: null,
  instructions: null
};

/**
 * One server: what is known of it, and the connection to it, if there is one. What it offers is known without a connection; a call makes
 * one.
 */
export class ServerConnection implements MCPClientConnection {
  readonly record: ServerRecord;
  readonly client: McpClient;
  readonly #deps: ConnectionDeps;
  readonly #handlers = new ClientHandlers();
  #state: MCPConnectionState;
  #error: string | null = null;
  #cause: unknown;
  #catalogue: Catalogue | undefined;
  #session: Session | undefined;
  /** How the session at hand signs in. */
  #signIn: SignIn | undefined;
  #opening: Promise<MCPConnectionResult> | undefined;
  #discovering: Promise<MCPDiscoverResult> | undefined;
  /** The list changed while it was being read. */
  #again = false;
  /** The session that a connection on demand goes on with, so that the server's state stays. */
  #resume: Resumable | undefined;
  /** Requests that are not answered. */
  #asked = 0;
  #resting = new AbortController();
  /** What is opened for an earlier life of the connection is closed again. */
  #life = new AbortController();

  constructor(
    record: ServerRecord,
    { catalogue, session }: { catalogue?: Catalogue | undefined; session?: Resumable | undefined },
    deps: ConnectionDeps
  ) {
    this.record = record;
    this.#catalogue = catalogue;
    this.#resume = session;
    this.#deps = deps;
    this.#state = record.authUrl !== null ? "authenticating" : catalogue ? "ready" : "connecting";
    const current = () => this.#session?.client;
    const source = {
      ask: (run: (client: SessionClient) => Promise<unknown>) => this.ask(run),
      current,
      // What it is when it is asked for.
      get catalogue() {
        return connection.catalogue;
      }
    };
    // oxlint-disable-next-line typescript/no-this-alias
    const connection = this;
    this.client = clientFacade(source, this.#handlers);
  }

  get id(): string {
    return this.record.id;
  }
  get name(): string {
    return this.record.name;
  }
  get url(): URL {
    return new URL(this.record.serverUrl);
  }
  get connectionState(): MCPConnectionState {
    return this.#state;
  }
  get connectionError(): string | null {
    return this.#error;
  }
  get catalogue(): Catalogue {
    return this.#catalogue ?? nothing;
  }
  get tools(): Tool[] {
    return this.catalogue.tools;
  }
  get prompts(): Prompt[] {
    return this.catalogue.prompts;
  }
  get resources(): Resource[] {
    return this.catalogue.resources;
  }
  get resourceTemplates(): ResourceTemplate[] {
    return this.catalogue.resourceTemplates;
  }
  get capabilities(): ServerCapabilities | null {
    return this.catalogue.capabilities;
  }
  get instructions(): string | null {
    return this.catalogue.instructions;
  }
  get hasCatalogue(): boolean {
    return this.#catalogue !== undefined;
  }
  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** Why the last attempt has failed. */
  get failure(): unknown {
    return this.#cause;
  }

  #enter(state: MCPConnectionState, failure?: unknown): void {
    const error = state === "failed" ? safeText(failure) : null;
    this.#cause = failure;
    if (this.#state === state && this.#error === error) return;
    this.#state = state;
    this.#error = error;
    this.#deps.changed();
  }

  fail(failure: unknown): void {
    this.#enter("failed", failure);
  }

  /** Opens a connection, unless there is one. With `quietly`, what is known of the server is served as before meanwhile. */
  connect(quietly = false): Promise<MCPConnectionResult> {
    if (this.#session) return Promise.resolve({ state: "connected" });
    return (this.#opening ??= this.#open(quietly).finally(() => (this.#opening = undefined)));
  }

  async #open(quietly: boolean): Promise<MCPConnectionResult> {
    const life = this.#life;
    const { id, options } = this.record;
    this.#deps.emit("mcp:client:preconnect", () => ({ serverId: id }));
    if (!quietly) this.#enter("connecting");
    let signIn: SignIn | undefined;
    try {
      const module = await import("./session");
      signIn = this.#deps.signIn(this.record);
      const target = this.#deps.target(this.record, signIn);
      const resume = quietly ? this.#resume : undefined;
      const attempt = () => this.#openOnce(module, target, resume, life.signal);
      const resolved = resolveRetry(options.retry, retryDefaults);
      const deps = { wait: (delayMs: number) => this.#deps.wait(delayMs, life.signal), random: this.#deps.random };
      const mayRetry = (error: unknown) => !life.signal.aborted && module.isTransient(error);
      const session = await retry(attempt, resolved, deps, mayRetry);
      if (life.signal.aborted) {
        await session.close();
        return { state: "failed", error: "The connection was closed" };
      }
      this.#session = session;
      this.#signIn = signIn;
      this.#rest();
      this.#signedIn(signIn);
      this.#noteConnect("connected", session.transport);
      if (quietly) this.#enter("ready");
      else this.#enter("connected");
      return { state: "connected" };
    } catch (error) {
      if (life.signal.aborted) return { state: "failed", error: "The connection was closed" };
      const asked = await this.#signInAsked(error, signIn);
      if (asked) return asked;
      this.#noteConnect("failed", options.transport?.type ?? "auto", error);
      this.#enter("failed", error);
      return { state: "failed", error: this.#error! };
    }
  }

  async #openOnce(
    module: SessionModule,
    target: Target,
    resume: Resumable | undefined,
    life: AbortSignal
  ): Promise<Session> {
    life.throwIfAborted();
    const { options } = this.record;
    const over = new AbortController();
    const end = () => over.abort();
    life.addEventListener("abort", end);
    void this.#deps.wait(answerTimeoutMs, over.signal).then(end);
    const open: OpenOptions = {
      resume,
      clientName: this.#deps.clientName(),
      client: options.client,
      signal: over.signal,
      timeoutMs: answerTimeoutMs
    };
    let session: Session | undefined;
    try {
      session = await module.openSession(target, open, {
        prepare: (client: SessionClient) => {
          this.#handlers.apply(client);
          client.ended = (call) => this.#deps.emit("mcp:client:call", () => ({ ...call, serverId: this.id }));
        },
        listChanged: () => this.#listChanged(),
        closed: () => {
          if (this.#session === session) this.#session = undefined;
        }
      });
      return session;
    } finally {
      life.removeEventListener("abort", end);
      over.abort();
    }
  }

  /** The server wants the user to come to it first; or with more rights than those that are there. */
  async #signInAsked(error: unknown, signIn: SignIn | undefined): Promise<MCPConnectionResult | undefined> {
    const { isUnauthorizedError } = await import("./session");
    const authUrl = signIn?.standard.authUrl;
    if (authUrl === undefined || !isUnauthorizedError(error)) return undefined;
    const clientId = signIn!.standard.clientId ?? this.record.clientId;
    Object.assign(this.record, { authUrl, clientId });
    this.#deps.saveRecord(this.record);
    this.#deps.emit("mcp:client:authorize", () => ({ serverId: this.id, authUrl, ...(clientId && { clientId }) }));
    this.#enter("authenticating");
    // Its state may have been this one before, with another URL.
    this.#deps.changed();
    return { state: "authenticating", authUrl };
  }

  /** Somebody has signed in, or did not have to. */
  #signedIn(signIn: SignIn | undefined): void {
    const clientId = signIn?.standard.clientId ?? this.record.clientId;
    if (this.record.authUrl === null && clientId === this.record.clientId) return;
    Object.assign(this.record, { authUrl: null, clientId });
    this.#deps.saveRecord(this.record);
  }

  #noteConnect(state: string, transport: string, error?: unknown): void {
    const { origin, pathname, protocol } = this.url;
    // A query may have secrets.
    const url = protocol === "rpc:" ? this.record.serverUrl : `${origin}${pathname}`;
    this.#deps.emit("mcp:client:connect", () => ({
      url,
      transport,
      state,
      ...(error !== undefined && { error: publicMessage(error) })
    }));
  }

  /** Asks the server what it offers, if there is a connection to it. */
  async discover(timeoutMs = answerTimeoutMs, quietly = false): Promise<MCPDiscoverResult | undefined> {
    if (!this.#session) return undefined;
    return (this.#discovering ??= this.#discover(this.#session, timeoutMs, quietly).finally(() => {
      this.#discovering = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.#listChanged();
    }));
  }

  async #discover(session: Session, timeoutMs: number, quietly: boolean): Promise<MCPDiscoverResult> {
    const module = await import("./session");
    const over = new AbortController();
    let isLate = false;
    void this.#deps.wait(timeoutMs, over.signal).then(() => {
      isLate = !over.signal.aborted;
      over.abort();
    });
    if (!quietly) this.#enter("discovering");
    try {
      const { catalogue, flaws } = await module.discover(session, this.catalogue, {
        timeout: timeoutMs,
        signal: over.signal
      });
      for (const flaw of flaws) this.#noteDiscovery(flaw);
      const isNew = await this.#deps.saveCatalogue(this.id, catalogue);
      this.#catalogue = catalogue;
      if (this.#session === session) this.#remember(session.resumable);
      this.#noteDiscovery({ state: "ready" });
      if (this.#state === "ready") {
        if (isNew) this.#deps.changed();
      } else this.#enter("ready");
      return { success: true, state: "ready" };
    } catch (thrown) {
      const error = isLate ? new Error(`The server has not answered within ${timeoutMs / 1_000} s`) : thrown;
      if (await this.#refused(error, session)) return { success: false, state: this.#state, error: safeText(error) };
      this.#noteDiscovery({ state: "failed", error: publicMessage(error) });
      // What is known of the server is better than nothing.
      if (quietly && this.#catalogue) return { success: false, state: this.#state, error: safeText(error) };
      this.#enter("failed", error);
      return { success: false, state: this.#state, error: this.#error! };
    } finally {
      over.abort();
    }
  }

  #noteDiscovery(payload: { state?: string; error?: string; capability?: string }): void {
    const { serverUrl } = this.record;
    this.#deps.emit("mcp:client:discover", () => ({ url: serverUrl.split("?")[0], ...payload }));
  }

  #listChanged(): void {
    if (this.#discovering) this.#again = true;
    else this.#deps.hold(this.discover(undefined, true));
  }

  /** Connects, and asks what there is. */
  async establish(): Promise<MCPConnectionResult | { state: "ready" }> {
    const result = await this.connect();
    if (result.state !== "connected") return result;
    const found = await this.discover();
    if (found?.success) return { state: "ready" };
    if (this.#state === "authenticating") return { state: "authenticating", authUrl: this.record.authUrl! };
    return { state: "failed", error: found?.error ?? "The connection was closed" };
  }

  /**
   * The connection. It is made if there is none; what the server offers is looked at again then.
   *
   * @throws MCP_UNAUTHORIZED when somebody has to sign in, MCP_CONNECTION_FAILED
   */
  async session(): Promise<Session> {
    if (this.#session) return this.#session;
    const isKnown = this.hasCatalogue;
    const result = await this.connect(isKnown);
    const opened: Session | undefined = this.#current();
    if (!opened) throw this.error(result);
    if (!opened.isResumed || this.#deps.isStale(this.id)) this.#deps.hold(this.discover(undefined, isKnown));
    return opened;
  }

  /** It may have come while somebody waited, which the compiler does not see in the field. */
  #current(): Session | undefined {
    return this.#session;
  }

  #remember(session: Resumable | undefined): void {
    if (this.#resume?.id === session?.id) return;
    this.#resume = session;
    this.#deps.saveSession(this.id, session);
  }

  /** What a caller is told of a connection that could not be made. */
  error(result: MCPConnectionResult): AgentError {
    if (result.state === "authenticating") {
      return new AgentError("MCP_UNAUTHORIZED", `Unauthorized: "${this.name}" wants somebody to sign in first`);
    }
    const cause = this.#cause;
    // What we refuse ourselves is said in our own words.
    if (AgentError.isInstance(cause)) return cause;
    let reason = "The connection was closed";
    if (result.state === "failed") reason = result.error === this.#error ? shortText(cause) : result.error;
    return new AgentError("MCP_CONNECTION_FAILED", `Failed to connect to "${this.name}": ${reason}`, { cause });
  }

  /** From now on nobody uses the connection, until somebody does. */
  #rest(): void {
    this.#resting.abort();
    const session = this.#session;
    if (!session || session.transport === "rpc" || this.#asked > 0) return;
    const resting = (this.#resting = new AbortController());
    void this.#deps.wait(idleMs, resting.signal).then(async () => {
      if (resting.signal.aborted || this.#session !== session) return;
      this.#session = undefined;
      await session.leave();
    });
  }

  /** Runs a request. What the server has not looked at, since it has forgotten the session, is sent again in a new one. */
  async ask<Result>(run: (client: SessionClient) => Promise<Result>): Promise<Result> {
    this.#asked++;
    this.#resting.abort();
    try {
      return await this.#ask(run);
    } finally {
      this.#asked--;
      this.#rest();
    }
  }

  async #ask<Result>(run: (client: SessionClient) => Promise<Result>): Promise<Result> {
    const session = await this.session();
    try {
      return await run(session.client);
    } catch (error) {
      const module = await import("./session");
      if (module.isSessionGone(error, session)) {
        await this.#drop(session);
        return run((await this.session()).client);
      }
      if (!module.isUnauthorizedError(error)) throw error;
      const asked = await this.#refused(error, session);
      if (asked) throw this.error(asked);
      await this.#drop(session);
      // The next attempt finds out where the user is to go.
      const result = await this.connect();
      if (result.state === "connected") {
        this.#deps.hold(this.discover());
        throw error;
      }
      throw this.error(result);
    }
  }

  /** A request of a session is refused because the user has to come first: what comes after that is another session. */
  async #refused(error: unknown, session: Session): Promise<MCPConnectionResult | undefined> {
    const asked = this.#session === session ? await this.#signInAsked(error, this.#signIn) : undefined;
    if (asked) await this.#drop(session);
    return asked;
  }

  async #drop(session: Session): Promise<void> {
    if (this.#session === session) this.#session = undefined;
    this.#remember(undefined);
    await session.client.close().catch(() => {});
  }

  /** Ends the connection. What is known of the server stays. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#remember(undefined);
    this.#life.abort();
    this.#resting.abort();
    this.#life = new AbortController();
    await this.#opening;
    if (this.#catalogue && this.#state !== "authenticating") this.#enter("ready");
    // The server is told, and nobody waits for that.
    if (session) this.#deps.hold(session.close());
  }
}

const longestError = 500;

/** An error for clients: nothing that belongs to the server alone, and nothing that a page would take for its own code. */
export function safeText(error: unknown): string {
  return escapeHtml(shortText(error));
}

/** The same as text, for callers: whoever shows an error of theirs escapes it. */
const shortText = (error: unknown) => publicMessage(error).slice(0, longestError);

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
