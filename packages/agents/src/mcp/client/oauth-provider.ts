import type { OAuthClientProvider, OAuthDiscoveryState } from "@modelcontextprotocol/sdk/client/auth.js";
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens
} from "@modelcontextprotocol/sdk/shared/auth.js";
import { base64url, randomHex, hashOf } from "./encoding";

/**
 * How an agent signs in at MCP servers. What a program's own provider leaves out is done by the agent: dynamic registration, PKCE, state,
 * and keeping tokens.
 */
export interface AgentMcpOAuthProvider extends Partial<Omit<OAuthClientProvider, "redirectUrl" | "clientMetadata">> {
  /** Where users come back to. `undefined`: nobody is sent anywhere, and `prepareTokenRequest` says how the agent gets its tokens. */
  readonly redirectUrl: string | URL | undefined;
  readonly clientMetadata: OAuthClientMetadata & { [field: string]: unknown };
  /** The server that this is about; set by the agent. */
  serverId?: string | undefined;
  /** The id under which the server knows the agent; set by the agent, and when it registers. */
  clientId?: string | undefined;
  /** Where the user is to go, once that is known. */
  readonly authUrl?: string | undefined;
}

/** @deprecated Another name of `AgentMcpOAuthProvider`. */
export type AgentsOAuthProvider = AgentMcpOAuthProvider;

/** The part of `DurableObjectStorage` that keeps tokens. */
export interface OAuthStorage {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<unknown>;
  list(options: { prefix: string }): Promise<Map<string, unknown>>;
}

/** A sign-in that has begun, under its `state`: all that its end needs. */
export interface OAuthFlow {
  serverId: string;
  clientId?: string;
  verifier?: string;
  discovery?: OAuthDiscoveryState;
  /** In ms since the epoch. */
  createdAt: number;
}

const flowLifeMs = 10 * 60_000;

/** The id of the server that a `state` is about: `{serverId}:{nonce}`. */
export const serverIdOf = (state: string): string => state.slice(0, Math.max(state.lastIndexOf(":"), 0));

/**
 * Signs in at one MCP server: registers the agent there, and keeps its tokens. Each sign-in is one entry under a random `state`, with all
 * that belongs to it, and is used up by whoever comes back with that; so several at a time do not disturb each other.
 *
 * @example
 * createMcpOAuthProvider(callbackUrl: string): AgentMcpOAuthProvider {
 *   return new DurableObjectOAuthClientProvider(myStorage, this.name, callbackUrl);
 * }
 */
export class DurableObjectOAuthClientProvider implements OAuthClientProvider {
  serverId: string | undefined;
  clientId: string | undefined;
  readonly #storage: OAuthStorage;
  readonly #clientName: string;
  readonly #redirectUrl: string;
  readonly #now: () => number;
  #authUrl: string | undefined;
  #discovery: OAuthDiscoveryState | undefined;
  /** Of sign-ins that begin, until it is known which is whose. */
  readonly #verifiers: string[] = [];
  #flow: OAuthFlow | undefined;
  #mayNotRenew = false;

  constructor(
    storage: OAuthStorage | DurableObjectStorage,
    clientName: string,
    redirectUrl: string,
    now: () => number = () => Date.now()
  ) {
    // Of a Durable Object's, only calls with one key are used.
    this.#storage = storage as OAuthStorage;
    this.#clientName = clientName;
    this.#redirectUrl = redirectUrl;
    this.#now = now;
  }

  get redirectUrl(): string {
    return this.#redirectUrl;
  }

  get authUrl(): string | undefined {
    return this.#authUrl;
  }

  get clientMetadata(): OAuthClientMetadata & { [field: string]: unknown } {
    return {
      // Users read it on the consent page; the name of the instance may be a secret.
      client_name: URL.canParse(this.#redirectUrl) ? new URL(this.#redirectUrl).host : "MCP client",
      redirect_uris: [this.#redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none"
    };
  }

  #key(part: string): string {
    return `/${this.#clientName}/${this.serverId}/${this.clientId}/${part}`;
  }
  #stateKey(state: string): string {
    return `/${this.#clientName}/${serverIdOf(state)}/state/${state.slice(state.lastIndexOf(":") + 1)}`;
  }

  async clientInformation(): Promise<OAuthClientInformationMixed | undefined> {
    if (this.clientId === undefined) return undefined;
    return (await this.#storage.get(this.#key("client_info/"))) as OAuthClientInformationMixed | undefined;
  }

  async saveClientInformation(information: OAuthClientInformationMixed): Promise<void> {
    this.clientId = information.client_id;
    await this.#storage.put(this.#key("client_info/"), information);
  }

  async tokens(): Promise<OAuthTokens | undefined> {
    if (this.clientId === undefined) return undefined;
    const tokens = (await this.#storage.get(this.#key("token"))) as OAuthTokens | undefined;
    if (!tokens || !this.#mayNotRenew) return tokens;
    const { refresh_token: _, ...rest } = tokens;
    return rest;
  }

  /** From now on only the user can give another token. */
  doNotRenew(): void {
    this.#mayNotRenew = true;
  }

  async saveTokens(tokens: OAuthTokens): Promise<void> {
    this.#mayNotRenew = false;
    await this.#storage.put(this.#key("token"), tokens);
  }

  async state(): Promise<string> {
    return `${this.serverId}:${randomHex(24)}`;
  }

  async saveCodeVerifier(verifier: string): Promise<void> {
    this.#verifiers.push(verifier);
  }

  /** The sign-in begins: all that its end needs is stored at once, under its `state`. */
  async redirectToAuthorization(url: URL): Promise<void> {
    const state = url.searchParams.get("state");
    if (state === null) throw new Error("A sign-in without a state cannot be told from a forged one");
    const verifier = await this.#verifierOf(url.searchParams.get("code_challenge"));
    const flow: OAuthFlow = {
      serverId: serverIdOf(state),
      createdAt: this.#now(),
      ...(this.clientId !== undefined && { clientId: this.clientId }),
      ...(verifier !== undefined && { verifier }),
      ...(this.#discovery && { discovery: this.#discovery })
    };
    await this.#forgetExpired();
    await this.#storage.put(this.#stateKey(state), flow);
    this.#authUrl = url.href;
  }

  async #verifierOf(challenge: string | null): Promise<string | undefined> {
    for (const [index, verifier] of this.#verifiers.entries()) {
      if (base64url(await hashOf(verifier)) === challenge) {
        return this.#verifiers.splice(index, 1)[0];
      }
    }
    return undefined;
  }

  async #forgetExpired(): Promise<void> {
    const flows = await this.#storage.list({ prefix: `/${this.#clientName}/${this.serverId}/state/` });
    for (const [key, flow] of flows) if (!flow || this.#isExpired(flow as OAuthFlow)) await this.#storage.delete(key);
  }

  #isExpired({ createdAt }: OAuthFlow): boolean {
    return this.#now() - createdAt > flowLifeMs;
  }

  /** Whether somebody may still come back with this `state`. */
  async isPending(state: string): Promise<boolean> {
    const flow = (await this.#storage.get(this.#stateKey(state))) as OAuthFlow | undefined;
    return flow !== undefined && !this.#isExpired(flow);
  }

  /** Takes the sign-in that has this `state`, which nobody can do a second time. Its end is then this provider's business. */
  async takeFlow(state: string): Promise<boolean> {
    const key = this.#stateKey(state);
    const flow = (await this.#storage.get(key)) as OAuthFlow | undefined;
    // Of those who come at the same time, one has deleted it.
    if (flow === undefined || (await this.#storage.delete(key)) !== true || this.#isExpired(flow)) return false;
    if (flow.clientId !== undefined) this.clientId = flow.clientId;
    this.#discovery = flow.discovery;
    this.#flow = flow;
    return true;
  }

  async codeVerifier(): Promise<string> {
    const verifier =
      this.#flow?.verifier ??
      // Where an older release has begun it.
      ((await this.#storage.get(this.#key("code_verifier"))) as string | undefined);
    if (verifier === undefined) throw new Error("This sign-in has no code verifier");
    return verifier;
  }

  async saveDiscoveryState(discovery: OAuthDiscoveryState): Promise<void> {
    this.#discovery = discovery;
  }

  async discoveryState(): Promise<OAuthDiscoveryState | undefined> {
    return this.#discovery;
  }

  async invalidateCredentials(scope: "all" | "client" | "tokens" | "verifier" | "discovery"): Promise<void> {
    if (scope === "all" || scope === "discovery") this.#discovery = undefined;
    if (this.clientId === undefined) return;
    if (scope === "all" || scope === "tokens") await this.#storage.delete(this.#key("token"));
    if (scope === "all" || scope === "client") {
      await this.#storage.delete(this.#key("client_info/"));
      this.clientId = undefined;
    }
  }

  /** Forgets everything about the server: tokens, registration, sign-ins. */
  async forget(): Promise<void> {
    const entries = await this.#storage.list({ prefix: `/${this.#clientName}/${this.serverId}/` });
    for (const key of entries.keys()) await this.#storage.delete(key);
  }
}
