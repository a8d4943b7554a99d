import type { Schema } from "../../core/meta";
import type { AgentMcpOAuthProvider } from "./oauth-provider";
import type { MCPClientOAuthCallbackConfig } from "./types";

/** An agent, as its MCP servers see it. */
export interface ManagerDeps {
  readonly schema: Schema;
  readonly storage: DurableObjectStorage;
  readonly env: Record<string, unknown>;
  /** The agent's class and instance, and whether clients are told of them. */
  identity(): { className: string; agent: string; name: string; id: string; isHidden: boolean };
  /** The origin by which the agent was asked, if it was. */
  origin(): string | undefined;
  now(): number;
  wait(delayMs: number, signal?: AbortSignal): Promise<void>;
  random(): number;
  /** Keeps the instance in memory until then. */
  hold(work: Promise<unknown>): void;
  emit(type: string, payload: () => Record<string, unknown>): void;
  failed(error: unknown): void;
  /** The program's own, if it has one. */
  createProvider(callbackUrl: string): AgentMcpOAuthProvider | undefined;
}

/** What a manager is asked by. */
export interface ManagerFront {
  /** Something that clients are told of is not as it was. */
  changed(): void;
  callbackConfig(): MCPClientOAuthCallbackConfig;
}
