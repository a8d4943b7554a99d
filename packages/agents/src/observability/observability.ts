import { channel, type Channel } from "node:diagnostics_channel";

/** Something that happened in an agent. */
export interface ObservabilityEvent {
  /** What happened, noun first: `rpc`, `rpc:error`, `state:update`, … */
  type: string;
  /** The agent's class. */
  agent: string;
  /** The agent's instance. */
  name: string;
  payload: Record<string, unknown>;
  /** When, in ms since the epoch. */
  timestamp: number;
}

/** Where an agent's events go. Override `observability` of an agent to have your own. */
export interface Observability {
  emit(event: ObservabilityEvent): void;
  /** Whether anybody is interested in this type; if not, the event is not even built. Without it: yes. */
  wants?(type: string): boolean;
}

/** Channels of `node:diagnostics_channel`, by their short name. */
export const channels = {
  state: channel("agents:state"),
  rpc: channel("agents:rpc"),
  message: channel("agents:message"),
  schedule: channel("agents:schedule"),
  lifecycle: channel("agents:lifecycle"),
  workflow: channel("agents:workflow"),
  mcp: channel("agents:mcp"),
  email: channel("agents:email")
} as const;

const channelByNoun: Readonly<Record<string, Channel>> = {
  state: channels.state,
  rpc: channels.rpc,
  message: channels.message,
  tool: channels.message,
  schedule: channels.schedule,
  queue: channels.schedule,
  workflow: channels.workflow,
  mcp: channels.mcp,
  email: channels.email
};

function channelOf(type: string): Channel {
  const colon = type.indexOf(":");
  return channelByNoun[colon < 0 ? type : type.slice(0, colon)] ?? channels.lifecycle;
}

/** Publishes to the diagnostics channels, and does nothing while nobody listens. */
export const genericObservability: Required<Observability> = {
  wants: (type) => channelOf(type).hasSubscribers,
  emit: (event) => channelOf(event.type).publish(event)
};
