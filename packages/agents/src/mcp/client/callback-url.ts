import { AgentError } from "../../protocol/errors";
import type { ManagerDeps } from "./deps";
import type { AddMcpServerOptions } from "./types";

/**
 * Where users come back to from a consent page: `{callbackHost}/{agentsPrefix}/{class}/{name}/callback`, or the path that is given. Empty if it
 * is not known by which host the agent is reached.
 *
 * @throws MCP_CALLBACK_PATH_REQUIRED when it would tell a name that is secret
 */
export function callbackUrlFor(
  deps: Pick<ManagerDeps, "identity" | "origin">,
  { callbackHost, callbackPath, agentsPrefix = "agents" }: AddMcpServerOptions
): string {
  const host = callbackHost ?? deps.origin();
  if (host === undefined) return "";
  const origin = withScheme(host).replace(/\/+$/, "");
  if (callbackPath !== undefined) return `${origin}/${callbackPath.replace(/^\/+/, "")}`;
  const { agent, name, isHidden } = deps.identity();
  if (isHidden) {
    throw new AgentError(
      "MCP_CALLBACK_PATH_REQUIRED",
      "callbackPath is required where sendIdentityOnConnect is false: the default callback URL would show the name of the instance"
    );
  }
  const prefix = agentsPrefix.replaceAll(/^\/+|\/+$/g, "");
  return `${origin}/${prefix}/${agent}/${encodeURIComponent(name)}/callback`;
}

function withScheme(host: string): string {
  if (/^https?:\/\//i.test(host)) return host;
  return `${/^(localhost|127\.|\[::1\])/.test(host) ? "http" : "https"}://${host}`;
}
