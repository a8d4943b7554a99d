import type { a, Blank, Faulty, Heir, LateRecorder, Recorder, Starter } from "./agents";
import type { Desk, OwnDesk } from "./desk-agents";
import type { Approver } from "./approval-agents";
import type { Awake, AwakeHeir, Board, Legacy, LegacyHeir, Runner } from "./extended-agents";
import type { ApiAgent, ChatRoom, CollabAgent, FileAgent, PresenceAgent, SensorHub } from "./page-agents";
import type { CounterAgent, GameAgent, SecureAgent } from "./documented-agents";
import type { ReminderAgent, TemporaryAgent } from "./documented-work";
import type { Diligent, Worker } from "./work-agents";
import type { Made, Promised, Toolbox } from "./mcp-agents";
import type { McpOwnUser, McpSecretUser, McpUser } from "./mcp-client-agents";
import type { McpDesk } from "./mcp-handler-agents";
import type { Mailless, OncePostman, Postman } from "./mail-agents";
import type { Mortal } from "./mortal-agents";
import type { WebhookAgent } from "./webhook-agents";
import type { BareObject } from "./worker";
import type { Errands, Office } from "./workflow-agents";

declare global {
  namespace Cloudflare {
    interface Env {
      STORAGE: DurableObjectNamespace<BareObject>;
      Desk: DurableObjectNamespace<Desk>;
      OwnDesk: DurableObjectNamespace<OwnDesk>;
      Approver: DurableObjectNamespace<Approver>;
      LateRecorder: DurableObjectNamespace<LateRecorder>;
      Recorder: DurableObjectNamespace<Recorder>;
      HEIR_OF_ALL: DurableObjectNamespace<Heir>;
      Blank: DurableObjectNamespace<Blank>;
      Starter: DurableObjectNamespace<Starter>;
      Faulty: DurableObjectNamespace<Faulty>;
      MINIFIED: DurableObjectNamespace<a>;
      Board: DurableObjectNamespace<Board>;
      Runner: DurableObjectNamespace<Runner>;
      Awake: DurableObjectNamespace<Awake>;
      AwakeHeir: DurableObjectNamespace<AwakeHeir>;
      Toolbox: DurableObjectNamespace<Toolbox>;
      Promised: DurableObjectNamespace<Promised>;
      Made: DurableObjectNamespace<Made>;
      Mortal: DurableObjectNamespace<Mortal>;
      Legacy: DurableObjectNamespace<Legacy>;
      LegacyHeir: DurableObjectNamespace<LegacyHeir>;
      CounterAgent: DurableObjectNamespace<CounterAgent>;
      GameAgent: DurableObjectNamespace<GameAgent>;
      SecureAgent: DurableObjectNamespace<SecureAgent>;
      ApiAgent: DurableObjectNamespace<ApiAgent>;
      ChatRoom: DurableObjectNamespace<ChatRoom>;
      CollabAgent: DurableObjectNamespace<CollabAgent>;
      FileAgent: DurableObjectNamespace<FileAgent>;
      PresenceAgent: DurableObjectNamespace<PresenceAgent>;
      SensorHub: DurableObjectNamespace<SensorHub>;
      ReminderAgent: DurableObjectNamespace<ReminderAgent>;
      TemporaryAgent: DurableObjectNamespace<TemporaryAgent>;
      Worker: DurableObjectNamespace<Worker>;
      Diligent: DurableObjectNamespace<Diligent>;
      McpUser: DurableObjectNamespace<McpUser>;
      McpOwnUser: DurableObjectNamespace<McpOwnUser>;
      McpSecretUser: DurableObjectNamespace<McpSecretUser>;
      Mailless: DurableObjectNamespace<Mailless>;
      OncePostman: DurableObjectNamespace<OncePostman>;
      Postman: DurableObjectNamespace<Postman>;
      WebhookAgent: DurableObjectNamespace<WebhookAgent>;
      McpDesk: DurableObjectNamespace<McpDesk>;
      OFFICE: DurableObjectNamespace<Office>;
      ERRAND: Workflow<Errands>;
      ERRAND_RENAMED: Workflow<Errands>;
      PLAIN: Workflow;
    }
  }
}
