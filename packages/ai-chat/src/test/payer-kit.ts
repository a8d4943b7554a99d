import type { UIMessage } from "ai";
import type { TestConnection } from "../../../agents/src/test/kit";
import type { ToolApprovalOptions } from "../tools/approval-options";
import { payer, stored } from "./chat-kit";
import { append, done, extended } from "./extended-kit";
import { Payer } from "./payer";

export type Stub = ReturnType<typeof payer>;

export interface Call {
  toolCallId: string;
  state: string;
  input: unknown;
  output?: unknown;
  errorText?: string;
  approval: { id: string; approved?: boolean; reason?: string; requestedInput?: unknown; grantId?: string };
}

export const callsIn = (messages: readonly UIMessage[]) =>
  messages.flatMap(({ parts }) => parts.filter((part) => "toolCallId" in part) as unknown as Call[]);
export const calls = async (stub: Stub) => callsIn(await stored(stub));
export const decision = (toolCallId: string, approved: boolean, more: object = {}) => ({
  type: "cf_agent_tool_approval",
  toolCallId,
  approved,
  autoContinue: true,
  ...more
});
/** Each status, in the order of the requests. */
export const statuses = async (stub: Stub) => (await stub.asked()).map(({ status }) => status);

/** A conversation in which the user wanted this, two clients of it, and the calls of the answer. */
export async function asked(name: string, wanted = "pay 5", options?: ToolApprovalOptions) {
  const stub = payer(name);
  if (options) Payer.rules.set(name, () => options);
  const [a] = await extended(stub, "a");
  const [b] = await extended(stub, "b&user=bea&right=billing");
  a.send(append("r1", "u1", wanted));
  await done(a, "r1");
  await done(b, "r1");
  const waiting = await calls(stub);
  return { stub, a, b, call: waiting[0]!, waiting };
}

/** The end of what goes on by itself. */
export const goneOn = (client: TestConnection) => done(client);
