import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type {
  ElicitRequestFormParams,
  ElicitRequestURLParams,
  ElicitResult,
  RequestId
} from "@modelcontextprotocol/sdk/types.js";

/** What the user is asked: to fill in a form, or to go somewhere. */
export type ElicitParams = ElicitRequestFormParams | ElicitRequestURLParams;

/** The call that the question belongs to. */
export interface ElicitContext {
  relatedRequestId?: RequestId;
  /** How long to wait, in milliseconds. Without it, for as long as the session lasts. */
  timeout?: number;
  signal?: AbortSignal;
}

export function elicit(server: Server, params: ElicitParams, context: ElicitContext = {}): Promise<ElicitResult> {
  return server.elicitInput(params, context);
}
