export { AgentClient, type AgentSnapshot } from "./agent-client";
export { agentFetch, type AgentClientFetchOptions } from "./agent-fetch";
export { createStubProxy } from "./stub";
export { AgentError, type AgentErrorCode } from "../protocol/errors";
export type { CallOptions, StreamOptions } from "./calls";
export type { AgentClientCallbacks, AgentClientOptions } from "./options";
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
