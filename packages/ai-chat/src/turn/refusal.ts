import type { AgentError } from "agents";

/** Why a client does not get what it asks for. Nothing was changed. */
export class Refusal extends Error {
  readonly code: AgentError["code"];

  constructor(code: AgentError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
