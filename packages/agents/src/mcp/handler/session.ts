import type { InitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import { Refusal, rpcCodes, sessionUnknown } from "../http/refusal";

/** A version of MCP: a date, as in `2025-11-25`. */
export type ProtocolVersion = string;

/** What has to be kept of a session so that it goes on when the transport is made anew. */
export interface TransportState {
  sessionId?: string;
  initialized: boolean;
  protocolVersion?: ProtocolVersion;
  /** Whose session it is, where users sign in: it answers nobody else. */
  owner?: string;
  /** What the client said of itself when it began: a new server has to know, too. */
  initializeParams?: InitializeRequest["params"];
}

/** Where the state of a transport is kept. */
export interface MCPStorageApi {
  get(): Promise<TransportState | undefined> | TransportState | undefined;
  set(state: TransportState): Promise<void> | void;
}

export interface SessionOptions {
  readonly generateId: (() => string) | undefined;
  readonly storage: MCPStorageApi | undefined;
}

/** The one session of a transport, if it has sessions. */
export class Session {
  readonly #options: SessionOptions;
  #state: TransportState = { initialized: false };
  #beginning = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get id(): string | undefined {
    return this.#state.sessionId;
  }

  /** What client and server have agreed on. */
  get version(): ProtocolVersion | undefined {
    return this.#state.protocolVersion;
  }

  /** @returns the state of a session that has begun in an earlier life */
  async load(): Promise<TransportState | undefined> {
    const state = await this.#options.storage?.get();
    if (!state?.initialized) return undefined;
    this.#state = state;
    return state;
  }

  /**
   * @param owner on whose behalf the request is
   * @throws Refusal 404 for another session than this, 400 for a request without one
   */
  check(request: Request, owner: string | undefined): void {
    const id = request.headers.get("mcp-session-id");
    if (!id) throw new Refusal(400, "Bad Request: Mcp-Session-Id header is required");
    if (id !== this.id || owner !== this.#state.owner) throw sessionUnknown();
  }

  /** @throws Refusal 400 when it has begun */
  begin(initializeParams: InitializeRequest["params"], requestId: string | number, owner: string | undefined): void {
    const { generateId } = this.#options;
    if (generateId && (this.#beginning || this.#state.initialized)) {
      const options = { code: rpcCodes.invalidRequest, id: requestId };
      throw new Refusal(400, "Invalid Request: Server already initialized", options);
    }
    this.#beginning = true;
    this.#state = { initialized: false, initializeParams };
    if (owner !== undefined) this.#state.owner = owner;
    if (generateId) this.#state.sessionId = validId(generateId());
  }

  /** The server has agreed: from here on, the session is there. */
  async begun(protocolVersion: ProtocolVersion): Promise<void> {
    this.#state = { ...this.#state, initialized: true, protocolVersion };
    this.#beginning = false;
    await this.#options.storage?.set(this.#state);
  }

  /** Nothing is left of it here. What is stored stays, for another life. */
  forget(): void {
    this.#state = { initialized: false };
    this.#beginning = false;
  }

  async end(): Promise<void> {
    this.forget();
    await this.#options.storage?.set({ initialized: false });
  }
}

/** It travels in a header. */
function validId(id: string): string {
  if (/^[\x21-\x7e]+$/.test(id)) return id;
  throw new TypeError(`The session id ${JSON.stringify(id)} may only have visible ASCII characters`);
}
