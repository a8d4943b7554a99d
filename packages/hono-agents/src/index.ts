export { agentsMiddleware, type AgentsMiddlewareOptions } from "./agents-middleware";
