export { useAgent } from "./use-agent";
export type { UseAgentOptions } from "./held-client";
