import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import type { FetchLike } from "@modelcontextprotocol/sdk/shared/transport.js";
import { DurableObjectOAuthClientProvider, type AgentMcpOAuthProvider, type OAuthStorage } from "./oauth-provider";
import { sealedStorage } from "./sealed-storage";

/** How a connection signs in: a whole provider, and what the agent does with its flows. */
export interface SignIn {
  readonly provider: OAuthClientProvider;
  /** Keeps flows, and whatever the program's own provider does not. */
  readonly standard: DurableObjectOAuthClientProvider;
}

export interface SignInDeps {
  readonly storage: DurableObjectStorage;
  readonly env: Record<string, unknown>;
  now(): number;
  createProvider(callbackUrl: string): AgentMcpOAuthProvider | undefined;
}

// Methods and fields of a provider that a program may have in place of ours.
const members = [
  "redirectUrl",
  "clientMetadata",
  "clientMetadataUrl",
  "saveClientInformation",
  "tokens",
  "saveTokens",
  "addClientAuthentication",
  "validateResourceURL",
  "invalidateCredentials",
  "prepareTokenRequest"
] as const satisfies readonly (keyof OAuthClientProvider)[];

/** How this agent signs in at a server. */
export function signInFor(
  deps: SignInDeps,
  agentName: string,
  server: { id: string; clientId: string | null; callbackUrl: string }
): SignIn {
  const own = deps.createProvider(server.callbackUrl);
  const standard =
    own instanceof DurableObjectOAuthClientProvider
      ? own
      : new DurableObjectOAuthClientProvider(tokenStorage(deps), agentName, server.callbackUrl, deps.now);
  standard.serverId = server.id;
  standard.clientId = server.clientId ?? undefined;
  if (own === undefined || own === standard) return { provider: standard, standard };
  own.serverId = server.id;
  own.clientId = server.clientId ?? undefined;
  return { provider: completed(own, standard), standard };
}

/** A `fetch` that notices when the user has to give more rights than they have: a token that is only renewed has no more of them. */
export const noticingRights =
  (fetch: FetchLike, { standard }: SignIn): FetchLike =>
  async (input, init) => {
    const response = await fetch(input, init);
    const challenge = response.status === 403 ? response.headers.get("WWW-Authenticate") : null;
    if (challenge?.includes("insufficient_scope")) standard.doNotRenew();
    return response;
  };

/** Where tokens are: with a key in `env`, nobody can read them without it. */
function tokenStorage({ storage, env }: SignInDeps): OAuthStorage {
  const plain: OAuthStorage = {
    get: (key) => storage.get(key),
    put: (key, value) => storage.put(key, value),
    delete: (key) => storage.delete(key),
    list: (options) => storage.list(options)
  };
  const { MCP_ENCRYPTION_KEY: key } = env;
  return typeof key === "string" && key !== "" ? sealedStorage(plain, key) : plain;
}

/** A program's own provider, with ours for what it leaves out. Flows are ours in any case: they are found by their `state`. */
function completed(own: AgentMcpOAuthProvider, standard: DurableObjectOAuthClientProvider): OAuthClientProvider {
  const provider: Record<string, unknown> = {
    state: () => standard.state(),
    saveCodeVerifier: (verifier: string) => standard.saveCodeVerifier(verifier),
    codeVerifier: () => standard.codeVerifier(),
    saveDiscoveryState: standard.saveDiscoveryState.bind(standard),
    discoveryState: () => standard.discoveryState(),
    async clientInformation() {
      if (!own.clientInformation) return standard.clientInformation();
      const information = await own.clientInformation();
      // Tokens are kept under it.
      if (information) standard.clientId = information.client_id;
      return information;
    },
    async redirectToAuthorization(url: URL) {
      await standard.redirectToAuthorization(url);
      await own.redirectToAuthorization?.(url);
    }
  };
  for (const member of members) {
    // Credentials that a program has are not registered again.
    if (member === "saveClientInformation" && own.clientInformation && !own.saveClientInformation) continue;
    // Without an address to come back to, the program signs in by itself.
    const isOwn = own[member] !== undefined || member === "redirectUrl";
    const source: Partial<OAuthClientProvider> = isOwn ? (own as OAuthClientProvider) : standard;
    const value: unknown = source[member];
    if (value === undefined) continue;
    Object.defineProperty(provider, member, {
      enumerable: true,
      get: () => {
        const now: unknown = source[member];
        return typeof now === "function" ? (now as () => unknown).bind(source) : now;
      }
    });
  }
  return provider as unknown as OAuthClientProvider;
}
