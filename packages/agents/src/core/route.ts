import * as workers from "cloudflare:workers";
import { AgentError } from "../protocol/errors";
import { dashedCapitals, kebabCase } from "../protocol/names";
import { isNamespace } from "./class-name";
import { isUpgrade } from "./handshake";

/** Where and how an instance is started. */
export interface StartOptions<Props = Record<string, unknown>> {
  /** Keeps the instance's data in a jurisdiction, for instance `eu`. */
  jurisdiction?: DurableObjectJurisdiction;
  /** Where a new instance should run, for instance `weur`. */
  locationHint?: DurableObjectLocationHint;
  /** Given to `onStart` if this call starts the instance. */
  props?: Props;
}

/** The instance that a request is for. */
export interface Lobby {
  className: string;
  name: string;
}

export interface RouteOptions<Props = Record<string, unknown>> extends StartOptions<Props> {
  /** First part of the path; slashes at its ends do not matter. Default `agents`. */
  prefix?: string;
  /** `true` for permissive headers, or the headers themselves. WebSocket responses get none. */
  cors?: boolean | HeadersInit;
  /** Before a WebSocket is connected. A `Request` replaces the one at hand, a `Response` answers it. */
  onBeforeConnect?(request: Request, lobby: Lobby): Response | Request | void | Promise<Response | Request | void>;
  /** Before a request is handed over. A `Request` replaces the one at hand, a `Response` answers it. */
  onBeforeRequest?(request: Request, lobby: Lobby): Response | Request | void | Promise<Response | Request | void>;
}

/** The options of `routeAgentRequest`, by the name that older programs use. The bindings make no difference to them. */
export type AgentOptions<_Env = unknown, Props = Record<string, unknown>> = RouteOptions<Props>;

/** What travels to an instance before its first event, and only if there is something to say. */
export interface StartMessage {
  /** Set where the platform does not tell an instance its name: names over 1,024 bytes. */
  name?: string;
  props?: unknown;
}

interface Startable extends Rpc.DurableObjectBranded {
  __agentStart(message: StartMessage): Promise<void>;
}

const maxPlatformNameBytes = 1_024;
const permissiveCors = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET, POST, HEAD, OPTIONS",
  "Access-Control-Allow-Headers": "*",
  "Access-Control-Max-Age": "86400"
};

/**
 * Hands a request for `/{prefix}/{agent}/{name}` to the instance that it names.
 *
 * @param request an HTTP request or WebSocket upgrade
 * @param env the Worker's bindings, in which the agent's class is looked up
 * @param options path prefix, CORS, hooks, and how to start the instance
 * @returns the instance's response, or `undefined` if the path is not an agent's. Return it unchanged: a WebSocket travels in it
 * @example return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
 */
export async function routeAgentRequest<Env, Props = Record<string, unknown>>(
  request: Request,
  env: Env,
  options: RouteOptions<Props> = {}
): Promise<Response | undefined> {
  const address = addressIn(request.url, options.prefix ?? "agents");
  if (!address) return undefined;
  const cors = corsHeaders(options.cors);
  if (!cors) return answer(request, address, env, options);
  if (request.method === "OPTIONS") return new Response(null, { headers: cors });
  const response = await answer(request, address, env, options);
  if (isUpgrade(request)) return response;
  const open = new Response(response.body, response);
  // Both have their reasons for an answer to vary.
  cors.forEach((value, header) => open.headers[header === "vary" ? "append" : "set"](header, value));
  return open;
}

async function answer<Env, Props>(
  request: Request,
  address: Address,
  env: Env,
  options: RouteOptions<Props>
): Promise<Response> {
  const found = findNamespace(env, address.agent);
  if (!found || address.name === undefined) {
    if (!found)
      console.error(
        `No agent "${address.agent}". Agents of this Worker: ${agentNames(env).join(", ") || "none"}. Is the class exported and bound?`
      );
    return new Response("Invalid request", { status: 400 });
  }
  const { className, namespace } = found;
  const { name } = address;
  let before: Response | Request | void = undefined;
  if (options.onBeforeConnect || options.onBeforeRequest) {
    const lobby: Lobby = { className, name };
    before = await (isUpgrade(request) ? options.onBeforeConnect : options.onBeforeRequest)?.(request, lobby);
    if (before instanceof Response) return before;
  }
  const stub = stubOf(namespace, name, options);
  const message = startMessage(name, options);
  if (message) await start(stub, message);
  return stub.fetch(before ?? request);
}

/**
 * Gets the instance of an agent by its name; it is created when it is first used.
 *
 * @param namespace the binding of the agent's class
 * @param name any text; the same name is always the same instance
 * @param options location, jurisdiction, and props for `onStart`
 * @returns a stub: its methods are the agent's, and its `fetch` takes requests
 * @throws PROPS_NOT_SERIALIZABLE, or what `onStart` throws
 * @example
 * const counter = await getAgentByName(env.CounterAgent, "shared");
 * await counter.increment();
 */
export async function getAgentByName<
  Class extends Rpc.DurableObjectBranded | undefined,
  Props = Record<string, unknown>
>(
  namespace: DurableObjectNamespace<Class>,
  name: string,
  options: StartOptions<Props> = {}
): Promise<DurableObjectStub<Class>> {
  if (typeof name !== "string" || name === "") {
    throw new AgentError("AGENT_NAME_UNKNOWN", "An agent is found by its name: a text that is not empty");
  }
  const stub = stubOf(namespace, name, options);
  const message = startMessage(name, options);
  // Every agent has this method; the type of a stub shows only those of its own class.
  if (message) await start(stub as unknown as DurableObjectStub<Startable>, message);
  return stub;
}

function stubOf<Class extends Rpc.DurableObjectBranded | undefined>(
  namespace: DurableObjectNamespace<Class>,
  name: string,
  { jurisdiction, locationHint }: StartOptions<unknown>
): DurableObjectStub<Class> {
  const space = jurisdiction ? namespace.jurisdiction(jurisdiction) : namespace;
  return space.get(space.idFromName(name), locationHint ? { locationHint } : undefined);
}

function startMessage(name: string, { props }: StartOptions<unknown>): StartMessage | undefined {
  const isLong = name.length * 3 > maxPlatformNameBytes && new TextEncoder().encode(name).length > maxPlatformNameBytes;
  if (!isLong && props === undefined) return undefined;
  return { ...(isLong && { name }), ...(props !== undefined && { props }) };
}

async function start(stub: DurableObjectStub<Startable>, message: StartMessage): Promise<void> {
  try {
    await stub.__agentStart(message);
  } catch (cause) {
    // One that the agent itself threw is marked as remote.
    const sending = cause instanceof Error && cause.name === "DataCloneError" && !("remote" in cause);
    throw sending
      ? new AgentError("PROPS_NOT_SERIALIZABLE", `The props cannot be sent to the agent: ${cause.message}`, { cause })
      : cause;
  }
}

interface Address {
  agent: string;
  /** `undefined`: it cannot be decoded. */
  name: string | undefined;
}

// Nothing in it that a parser would read as something else: no dots, no escapes, no backslashes.
const plainUrl = /^https?:\/\/[\w.:[\]@-]+\/([\w-]+)\/([\w-]+)\/([\w-]+)(?:$|[?#])/;

/** Most URLs need no parser, which is a good part of what it costs to find an instance. */
function addressIn(url: string, prefix: string): Address | undefined {
  const plain = plainUrl.exec(url);
  if (plain?.[1] === prefix) return { agent: plain[2]!, name: plain[3]! };
  return parsePath(new URL(url).pathname, prefix);
}

function parsePath(pathname: string, prefix: string): Address | undefined {
  const wanted = segments(prefix);
  const parts = segments(pathname);
  if (parts.length < wanted.length + 2 || wanted.some((segment, index) => parts[index] !== segment)) return undefined;
  const [agent = "", name = ""] = parts.slice(wanted.length);
  return { agent: decode(agent) ?? agent, name: decode(name) };
}

const segments = (path: string): string[] => path.split("/").filter((segment) => segment !== "");

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function corsHeaders(cors: boolean | HeadersInit | undefined): Headers | undefined {
  return cors ? new Headers(cors === true ? permissiveCors : cors) : undefined;
}

interface Found {
  className: string;
  namespace: DurableObjectNamespace<Startable>;
}

const foundByEnv = new WeakMap<object, Map<string, Found>>();

/** The one that clients mean by `agent`. */
function findNamespace(env: unknown, agent: string): Found | undefined {
  let known = foundByEnv.get(env as object);
  if (!known) foundByEnv.set(env as object, (known = new Map()));
  let found = known.get(agent);
  if (!found) {
    found = search(env, (className) => isSpelling(agent, className));
    if (found) known.set(agent, found);
  }
  return found;
}

/** As mail servers may write it: they need not keep the case of an address. */
export function findNamespaceInAnyCase(env: unknown, agent: string): Found | undefined {
  const wanted = agent.toLowerCase();
  const inAnyCase = (className: string) => spellings.some((spell) => spell(className).toLowerCase() === wanted);
  return findNamespace(env, agent) ?? search(env, inAnyCase);
}

/** The first whose name is meant: of the bindings, then of the exported classes. What is not meant is not even made. */
function search(env: unknown, isMeant: (className: string) => boolean): Found | undefined {
  for (const source of sources(env)) {
    for (const className of Object.keys(source)) {
      const namespace = isMeant(className) ? source[className] : undefined;
      if (isNamespace(namespace)) return { className, namespace: namespace as DurableObjectNamespace<Startable> };
    }
  }
}

/** What may hold agents, by their names. */
function sources(env: unknown): Record<string, unknown>[] {
  const { exports = {} } = workers as { exports?: object };
  return [env, exports] as Record<string, unknown>[];
}

/** Every agent of a Worker, in kebab case. */
export function agentNames(env: unknown): string[] {
  const all = sources(env).flatMap((source) => Object.entries(source));
  return [...new Set(all.filter(([, value]) => isNamespace(value)).map(([name]) => kebabCase(name)))].sort();
}

/** How clients spell the name of a class or binding. */
const spellings = [(className: string) => className, kebabCase, dashedCapitals];

const isSpelling = (agent: string, className: string): boolean => spellings.some((spell) => spell(className) === agent);
