export { installCapability, type CapabilityKit } from "./agent";
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
