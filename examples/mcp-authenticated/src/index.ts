import { OAuthProvider } from "@cloudflare/workers-oauth-provider";
import { env } from "cloudflare:workers";
import { authorize } from "./authorize";
import { permissions, type Env, type User } from "./env";
import { greeter } from "./greeter";
import { Notebook } from "./notebook";

export { Notebook };

const { ORIGIN } = env as unknown as Env;

export default new OAuthProvider<Env>({
  apiHandlers: {
    "/mcp": { fetch: greeter },
    // One notebook a user, not one a session.
    "/notebook": Notebook.serve("/notebook", { name: (_, { props }) => (props as User).userId })
  },
  authorizeEndpoint: "/authorize",
  tokenEndpoint: "/token",
  // A client is known by a document that it publishes, or it registers itself.
  clientIdMetadataDocumentEnabled: true,
  clientRegistrationEndpoint: "/register",
  scopesSupported: Object.keys(permissions),
  requiredScopes: Object.keys(permissions),
  resourceMetadata: { resource: ORIGIN, authorization_servers: [ORIGIN], resource_name: "Notebook" },
  defaultHandler: {
    fetch(request, env) {
      if (new URL(request.url).pathname === "/authorize") return authorize(request, env);
      return new Response("Not Found", { status: 404 });
    }
  }
});
