import { AgentError } from "../protocol/errors";
import { kebabCase } from "../protocol/names";

/** Query parameters. `null` and `undefined` are left out. */
export type Query = Record<string, string | number | boolean | null | undefined>;

/** Query parameters, or what makes them: asked again for every connection attempt and every request. */
export type QuerySource = Query | (() => Query | Promise<Query>);

/** Where an instance of an agent is. */
export interface AgentAddress {
  /** The agent's class name, in any spelling: `ChatRoom` and `chat-room` are the same. */
  agent: string;
  /** The instance. @default "default" */
  name?: string;
  /** Host, optionally with port and scheme: `my-worker.example.workers.dev`. @default the page's own host */
  host?: string;
  /** What comes after the instance: `settings` → `/agents/my-agent/room/settings`. */
  path?: string;
  /** Replaces `/agents/{agent}/{name}`, for a server that chooses the instance itself. */
  basePath?: string;
  /** What comes before the agent. @default "agents" */
  prefix?: string;
  /** @default plain on this machine and in private networks, secure elsewhere; a scheme in `host` and the page's own decide before */
  protocol?: "ws" | "wss" | "http" | "https";
}

/** The part of `window.location` that addresses depend on. */
export type PageLocation = { host: string; protocol: string };

// This machine and private networks, where certificates are rare.
const plainHost =
  /^(localhost|127(\.\d+){3}|10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2}|\[::1\]|\[::ffff:7f00:1\])(:\d+)?$/i;

/**
 * The one place where an agent's URL is made, for sockets and for requests.
 *
 * @throws CLIENT_OPTIONS_INVALID
 */
export function agentUrl(
  address: AgentAddress,
  transport: "ws" | "http",
  query: Query = {},
  // There is none outside of browsers.
  location: PageLocation | undefined = (globalThis as { location?: PageLocation }).location
): string {
  const [, scheme, host] = /^(?:(https?|wss?):\/\/)?(.*?)\/*$/i.exec(address.host ?? location?.host ?? "") ?? [];
  if (!host) {
    throw invalid(
      'There is no page whose host could be used. Pass `host`, for example "my-worker.example.workers.dev".'
    );
  }
  const page = host === location?.host ? location.protocol.replace(":", "") : undefined;
  const secure = /^(https|wss)$/i.test(
    address.protocol ?? scheme ?? page ?? (plainHost.test(host) ? transport : "https")
  );
  const path = [pathOf(address), trimSlashes(address.path ?? "")].filter(Boolean).join("/");
  const text = queryText(query);
  // A path may bring parameters of its own: `fetch("items?limit=5")`.
  return `${transport}${secure ? "s" : ""}://${host}/${path}${text && (path.includes("?") ? "&" : "?")}${text}`;
}

/** The query of one attempt. */
export async function resolveQuery(source: QuerySource | undefined): Promise<Query> {
  return (typeof source === "function" ? await source() : source) ?? {};
}

function pathOf({ agent, name = "default", basePath, prefix = "agents" }: AgentAddress): string {
  if (basePath) return trimSlashes(basePath);
  if (!agent) throw invalid("Which agent? Pass `agent`, the name of its class.");
  return [trimSlashes(prefix), segment(kebabCase(agent)), segment(name)].join("/");
}

// What a path segment may hold as it is (RFC 3986): other clients send it so, and not every server decodes names.
const allowed = /%(21|24|26|27|28|29|2A|2B|2C|3A|3B|3D|40)/g;

function segment(name: string): string {
  // Half of a surrogate pair has no encoding.
  if (name === "" || name === "." || name === ".." || /\p{Surrogate}/u.test(name)) {
    throw invalid(`${JSON.stringify(name)} cannot be an instance's name: no URL can hold it.`);
  }
  return encodeURIComponent(name).replace(allowed, decodeURIComponent);
}

function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
}

/** At both ends; what ends in a query stays as it is. */
const trimSlashes = (path: string): string => path.replace(/^\/+/, "").replace(/^([^?]*?)\/+$/, "$1");

const invalid = (message: string): AgentError => new AgentError("CLIENT_OPTIONS_INVALID", message);
