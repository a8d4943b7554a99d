export { AgentClient } from "./agent-client";
export { agentFetch, type AgentClientFetchOptions } from "./agent-fetch";
export { AgentStream } from "./agent-stream";
export type { AgentSnapshot } from "./identity";
export { createStubProxy } from "./stub";
export { AgentError, type AgentErrorCode } from "../protocol/errors";
export type { CallLimits, CallOptions, StreamOptions } from "./calls";
export type { AgentClientCallbacks, AgentClientOptions, SetStateOptions } from "./options";
export type { ConnectionError } from "./refusals";
export type {
  AgentMethods,
  AgentPromiseReturnType,
  AgentStub,
  OptionalAgentMethods,
  RequiredAgentMethods,
  RPCMethods,
  StateOf,
  UntypedAgentStub
} from "./types";
export type { AgentAddress, Query, QuerySource } from "./url";
