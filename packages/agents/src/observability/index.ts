export type { ChannelEventMap, ObservabilityEvent } from "./events";
export { channels, genericObservability, subscribe, type Observability } from "./observability";
