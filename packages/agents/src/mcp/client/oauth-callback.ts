import type { FetchLike } from "@modelcontextprotocol/sdk/shared/transport.js";
import { escapeHtml, safeText, type ServerConnection, type ServerRecord } from "./connection";
import { serverIdOf } from "./oauth-provider";
import type { SignIn } from "./sign-in";
import type { MCPClientOAuthCallbackConfig, MCPClientOAuthResult } from "./types";

/** The manager, as those who come back see it. */
export interface CallbackDeps {
  config(): MCPClientOAuthCallbackConfig;
  hold(work: Promise<unknown>): void;
  connection(id: string): ServerConnection | undefined;
  signIn(record: ServerRecord): SignIn;
  fetchFor(record: ServerRecord): FetchLike;
  saveRecord(record: ServerRecord): void;
  establish(id: string): Promise<unknown>;
}

/** Users who come back from a server's consent page. */
export class OAuthCallback {
  readonly #deps: CallbackDeps;

  constructor(deps: CallbackDeps) {
    this.#deps = deps;
  }

  /** Ends a sign-in. Other requests, of a program's own sign-ins too, are left alone. */
  async handle(request: Request): Promise<Response | undefined> {
    const url = new URL(request.url);
    const { searchParams } = url;
    const state = searchParams.get("state");
    if (request.method !== "GET" || state === null || !(searchParams.has("code") || searchParams.has("error"))) {
      return undefined;
    }
    const connection = this.#deps.connection(serverIdOf(state));
    if (!connection) return undefined;
    const { record } = connection;
    const signIn = this.#deps.signIn(record);
    // Before anything else: a forged or repeated answer changes nothing.
    if (!(await signIn.standard.takeFlow(state))) {
      const isHere = URL.canParse(record.callbackUrl) && new URL(record.callbackUrl).pathname === url.pathname;
      return isHere ? page("This sign-in has expired, or was finished already. Please begin it again.") : undefined;
    }
    return this.#respond(await this.#finish(connection, signIn, searchParams), url);
  }

  async #finish(connection: ServerConnection, signIn: SignIn, answer: URLSearchParams): Promise<MCPClientOAuthResult> {
    const { record } = connection;
    const serverId = record.id;
    record.authUrl = null;
    try {
      const refusal = answer.get("error");
      if (refusal !== null) throw new Error(answer.get("error_description") || refusal);
      await checkIssuer(signIn, answer.get("iss"));
      const { auth } = await import("./session");
      await auth(signIn.provider, {
        serverUrl: new URL(record.serverUrl),
        authorizationCode: answer.get("code")!,
        fetchFn: this.#deps.fetchFor(record)
      });
    } catch (error) {
      this.#deps.saveRecord(record);
      connection.fail(error);
      return { serverId, authSuccess: false, authError: safeText(error) };
    }
    record.clientId = signIn.standard.clientId ?? record.clientId;
    this.#deps.saveRecord(record);
    // What was open had no tokens, or others.
    await connection.close();
    this.#deps.hold(this.#deps.establish(serverId));
    return { serverId, authSuccess: true };
  }

  async #respond(result: MCPClientOAuthResult, { origin }: URL): Promise<Response> {
    const { customHandler, successRedirect, errorRedirect } = this.#deps.config();
    if (customHandler) return customHandler(result);
    if (result.authSuccess) return redirect(new URL(successRedirect ?? "/", origin));
    if (errorRedirect === undefined) return page(result.authError, true);
    const target = new URL(errorRedirect, origin);
    target.searchParams.set("error", result.authError);
    return redirect(target);
  }
}

/** Whether the one who answers is the one who was asked (RFC 9207), if it says who it is. */
async function checkIssuer(signIn: SignIn, issuer: string | null): Promise<void> {
  const asked = (await signIn.standard.discoveryState())?.authorizationServerMetadata?.issuer;
  if (issuer !== null && asked !== undefined && issuer !== asked) {
    throw new Error("The answer is of another authorization server than the one that was asked");
  }
}

// The address has a code in it.
const headers = { "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" };

const redirect = (to: URL) => new Response(null, { status: 302, headers: { ...headers, Location: to.href } });

function page(message: string, isEscaped = false): Response {
  const html = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sign-in failed</title>
<h1>Sign-in failed</h1><p>${isEscaped ? message : escapeHtml(message)}</p></html>`;
  return new Response(html, {
    status: 400,
    headers: {
      ...headers,
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
      "X-Content-Type-Options": "nosniff"
    }
  });
}
