export { Agent, getCurrentAgent } from "./agent";
export type { Hold, Operation } from "./core/capability";
export type { Connection, ConnectionContext, WSMessage } from "./core/connection";
export type { WhyAwake } from "./core/host";
export type { Inspection } from "./inspect";
export { DEFAULT_AGENT_STATIC_OPTIONS, type AgentStaticOptions } from "./core/options";
export {
  getAgentByName,
  routeAgentRequest,
  type AgentOptions,
  type Lobby,
  type RouteOptions,
  type StartOptions
} from "./core/route";
export { createHeaderBasedEmailResolver } from "./email/resolvers";
export { SqlError, type SqlParameter, type SqlRow, type SqlValue } from "./core/sql";
export type { DeadLetter, TaskSource } from "./core/work/dead-letters";
export { isPlatformError } from "./core/work/platform-error";
export { unstable_callable, type AgentContext, type AgentNamespace } from "./legacy";
export { AgentError, type AgentErrorCode } from "./protocol/errors";
export type {
  McpServer as MCPServer,
  McpServers as MCPServersState,
  McpServersFrame as MCPServerMessage,
  RpcRequestFrame as RPCRequest,
  RpcResponseFrame as RPCResponse,
  StateFrame as StateUpdateMessage
} from "./protocol/frames";
export {
  DurableObjectOAuthClientProvider,
  type AgentMcpOAuthProvider,
  type AgentsOAuthProvider
} from "./do-oauth-client-provider";
export type {
  AddMcpServerOptions,
  AddMcpServerResult,
  AddRpcMcpServerOptions,
  TransportType
} from "./mcp/client/types";
export { MessageType } from "./protocol/message-type";
export type { QueueItem, QueueOptions } from "./queue/queue";
export type { RetryOptions } from "./retry/retry-options";
export { callable, type CallableMetadata } from "./rpc/callable";
export type { MissedPolicy, ScheduleType } from "./schedule/schema";
export type { When } from "./schedule/timing";
export type { CronOptions, RepeatingOptions, Schedule, ScheduleCriteria, ScheduleOptions } from "./schedule/types";
export { routeAgentEmail, type EmailRoutingOptions } from "./route-email";
export { StreamingResponse } from "./rpc/streaming-response";
export { getSchedulePrompt, scheduleSchema } from "./schedule/schedule-prompt";
export { isTransportNotImplemented, isUnauthorized } from "./transport-errors";
export type { StateSource } from "./state/state";
