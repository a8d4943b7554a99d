import { DurableObject } from "cloudflare:workers";

export { a as MinifiedAgent, Blank, Faulty, Heir, LateRecorder, Recorder, Starter } from "./agents";
export { Desk, OwnDesk } from "./desk-agents";
export { Approver } from "./approval-agents";
export { Awake, AwakeHeir, Board, Legacy, LegacyHeir, Runner } from "./extended-agents";
export { CounterAgent, GameAgent, SecureAgent } from "./documented-agents";
export { ReminderAgent, TemporaryAgent } from "./documented-work";
export { Diligent, Worker } from "./work-agents";
export { Made, Promised, Toolbox } from "./mcp-agents";
export { McpOwnUser, McpSecretUser, McpUser } from "./mcp-client-agents";
export { McpDesk } from "./mcp-handler-agents";
export { Mailless, OncePostman, Postman } from "./mail-agents";
export { Errand, Office, Plain } from "./workflow-agents";
export { Mortal } from "./mortal-agents";
export { ApiAgent, ChatRoom, CollabAgent, FileAgent, PresenceAgent, SensorHub } from "./page-agents";
export { WebhookAgent } from "./webhook-agents";

/** An object with nothing in it: storage for tests to run capabilities on. */
export class BareObject extends DurableObject {}

export default {
  fetch: () => new Response("not found", { status: 404 })
};
