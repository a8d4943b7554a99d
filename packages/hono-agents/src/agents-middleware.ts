import { routeAgentRequest, type AgentOptions } from "agents";
import type { Context, Env, MiddlewareHandler } from "hono";
import { cloneRawRequest } from "hono/request";

export interface AgentsMiddlewareOptions<E extends Env = Env> {
  /** What `routeAgentRequest` takes: prefix, CORS, hooks, props, location. */
  options?: AgentOptions<E["Bindings"]>;
  /**
   * Told of what went wrong on the way to an agent or in it. A `Response` answers the request; without one, the next handler
   * does. Without this function the error is thrown and reaches `app.onError`.
   */
  onError?(error: Error): Response | void | Promise<Response | void>;
}

/**
 * Hands requests and WebSockets for agents to them, and everything else to the next handler.
 *
 * @param options options of routing, and what to do with errors
 * @example
 * const app = new Hono<{ Bindings: Env }>();
 * app.use("*", agentsMiddleware());
 */
export function agentsMiddleware<E extends Env = Env>(options: AgentsMiddlewareOptions<E> = {}): MiddlewareHandler<E> {
  return async (context, next) => {
    const response = await route(context, options);
    // What an agent answers has fixed headers, and middleware around this one may want to add its own.
    return response ? new Response(response.body, response) : next();
  };
}

async function route<E extends Env>(
  { req, env }: Context<E>,
  { options, onError }: AgentsMiddlewareOptions<E>
): Promise<Response | void> {
  try {
    // A validator before us may have read the body; Hono keeps what it read.
    return await routeAgentRequest(req.raw.bodyUsed ? await cloneRawRequest(req) : req.raw, env, options);
  } catch (error) {
    if (!onError) throw error;
    return onError(error instanceof Error ? error : new Error(String(error), { cause: error }));
  }
}
