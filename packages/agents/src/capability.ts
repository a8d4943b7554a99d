import type { Agent } from "./agent";
import type { Capability } from "./core/capability";
import { lazyCapabilities, type Host } from "./core/host";
import type { Schema, SchemaDefinition } from "./core/meta";
import { AgentError } from "./protocol/errors";
import { hostOf, stayAwake } from "./server";

export {
  frameHandlers,
  type Capability,
  type FrameHandler,
  type FrameHandlers,
  type Operation
} from "./core/capability";
export { hasFlag, type ConnectionFlag } from "./core/connection";
export { send } from "./core/connections";
export type { Schema, SchemaDefinition } from "./core/meta";
export { publicMessage } from "./core/public-message";
export { isObject, isString, type Check, type Checks } from "./protocol/decode";

/** What a package that extends `Agent` builds its capability from. */
export interface CapabilityKit {
  /** Tables of the capability, under a name that is unique in the agent. */
  schema(name: string, definition: SchemaDefinition): Schema;
  readonly connections: Host["connections"];
  /** The capability's work changed: its `nextWake` is asked again. */
  changed(): void;
  /** The wake that the capability asked for last, perhaps in an earlier life of the instance. Costs nothing. */
  wake(): number | undefined;
  /** Keeps the agent in memory until the function that it returns is called. */
  keepAlive(): () => void;
  emit(type: string, payload: () => Record<string, unknown>): void;
  /** The one path of errors: an event, then `onError`. Never throws. */
  failed(error: unknown): Promise<void>;
}

/**
 * Adds a capability to an agent. Call it in the constructor of a class that extends `Agent`.
 *
 * @throws CAPABILITY_INVALID when the agent has one of this name or one that handles the same frames, or when the name is not
 * that of the capability
 */
export function installCapability<Installed extends Capability>(
  // oxlint-disable-next-line typescript/no-explicit-any
  agent: Agent<any, any, any>,
  name: string,
  build: (kit: CapabilityKit) => Installed
): Installed {
  const host = hostOf(agent);
  // Methods, not arrows: a bundler that keeps names, as wrangler does, names each arrow anew for each instance.
  const capability = build({
    schema(schemaName, definition) {
      return host.schema(schemaName, definition);
    },
    connections: host.connections,
    changed() {
      host.alarms.changed(name);
    },
    wake() {
      return host.meta.wakeOf(name);
    },
    keepAlive() {
      return stayAwake(agent);
    },
    emit(type, payload) {
      host.emit(type, payload);
    },
    failed(error) {
      return host.failed(error);
    }
  });
  if (capability.name !== name) {
    throw new AgentError("CAPABILITY_INVALID", `The capability "${capability.name}" was installed as "${name}"`);
  }
  return host.install(capability);
}

/**
 * Makes a capability that an agent gets when it is first asked for, and not in its constructor: until then it costs nothing. An
 * alarm that it wanted in an earlier life of the instance makes it too. Its `onStart`, and connections and frames that came before it, it
 * does not see. Call this once, at the top level of a module.
 *
 * @returns gives an agent its capability
 * @throws CAPABILITY_INVALID, by what it returns, like `installCapability`
 */
export function lazyCapability<Installed extends Capability>(
  name: string,
  // oxlint-disable-next-line typescript/no-explicit-any
  build: (kit: CapabilityKit, agent: Agent<any, any, any>) => Installed
  // oxlint-disable-next-line typescript/no-explicit-any
): (agent: Agent<any, any, any>) => Installed {
  // oxlint-disable-next-line typescript/no-explicit-any
  const install = (agent: Agent<any, any, any>) => installCapability(agent, name, (kit) => build(kit, agent));
  lazyCapabilities.set(name, (owner) => void install(owner as Agent));
  // Under its name there is what was installed here, or nothing: another one would have been refused.
  return (agent) => (hostOf(agent).capability(name) as Installed | undefined) ?? install(agent);
}
