import { AuthorizationError, CimdFetchError, type AuthRequest } from "@cloudflare/workers-oauth-provider";
import { permissions, type Env } from "./env";
import { consentPage, errorPage } from "./page";
import { pageHeaders } from "./security";
import { sessionCookie, signedIn, userOf } from "./session";

/** `/authorize`: asks the user whether an app may act for them, and sends the app the answer. */
export async function authorize(request: Request, env: Env): Promise<Response> {
  try {
    if (request.method === "GET") return await ask(request, env);
    if (request.method === "POST") return await decide(request, env);
    return new Response(null, { status: 405, headers: { Allow: "GET, POST" } });
  } catch (error) {
    const isAboutApp = error instanceof CimdFetchError;
    if (!isAboutApp && !(error instanceof AuthorizationError)) throw error;
    // Only an app that is known, at an address that it has registered, is told. Else the user is.
    if (!isAboutApp && error.redirectTo) return Response.redirect(error.redirectTo, 302);
    const message = isAboutApp ? "This app could not be verified." : error.description;
    return new Response(errorPage(message), { status: 400, headers: pageHeaders() });
  }
}

async function ask(request: Request, env: Env): Promise<Response> {
  const oauth = env.OAUTH_PROVIDER;
  const asked = await oauth.parseAuthRequest(request);
  const user = await signedIn(request, env.COOKIE_SECRET);
  if (user && (await oauth.isConsentRemembered(request, asked, rememberFor(user, env.COOKIE_SECRET!)))) {
    return redirect(await complete(asked, user, env));
  }
  const details = await oauth.describeConsent(asked);
  // A handle for the form, and a cookie that ties it to this browser: together they cannot be forged, and work once.
  const { handle, headers } = await oauth.beginConsent(asked);
  for (const [name, value] of pageHeaders(details.redirectUri)) headers.set(name, value);
  return new Response(consentPage({ details, handle, user }), { headers });
}

async function decide(request: Request, env: Env): Promise<Response> {
  const oauth = env.OAUTH_PROVIDER;
  const form = await request.formData();
  const handle = String(form.get("handle"));
  if (form.get("decision") !== "allow") {
    const { headers } = await oauth.denyConsent(request, handle);
    return new Response(null, { status: 302, headers });
  }
  // Whoever says a name is believed. Your server asks for a password, or sends the user to whoever does.
  const user = (await signedIn(request, env.COOKIE_SECRET)) ?? userOf(String(form.get("name")));
  const scope = form.getAll("scope").map(String);
  const secret = env.COOKIE_SECRET;
  const approved = await oauth.approveConsent(request, handle, {
    scope,
    ...(secret && { remember: rememberFor(user, secret) })
  });
  if (secret) approved.headers.append("Set-Cookie", await sessionCookie(user, secret));
  return redirect(await complete(approved.request, user, env), approved.headers);
}

/** Issues the code for which the app gets its token. */
async function complete(request: AuthRequest, user: { userId: string; name: string }, env: Env): Promise<string> {
  const scope = request.scope.filter((name) => name in permissions);
  const { redirectTo } = await env.OAUTH_PROVIDER.completeAuthorization({
    request,
    userId: user.userId,
    metadata: {},
    scope,
    // Only what is here reaches the tools.
    props: { ...user, permissions: scope }
  });
  return redirectTo;
}

const rememberFor = ({ userId }: { userId: string }, secret: string) => ({ secret, subject: userId });

function redirect(to: string, headers = new Headers()): Response {
  headers.set("Location", to);
  return new Response(null, { status: 302, headers });
}
