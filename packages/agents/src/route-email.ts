import type { Delivery, MailBridge } from "./core/email";
import { agentNames, findNamespaceInAnyCase, getAgentByName } from "./core/route";
import { LiveMail } from "./email/bridge";
import type { EmailResolver } from "./email/resolvers";
import { AgentError } from "./protocol/errors";

export interface EmailRoutingOptions {
  /** Says which agent a mail is for. */
  resolver: EmailResolver;
  /** For mail that no agent is for. Without it, a warning is logged and the mail is dropped. */
  onNoRoute?(email: ForwardableEmailMessage): void | Promise<void>;
}

interface Receiver {
  __agentEmail(delivery: Delivery, bridge: MailBridge): Promise<void>;
}

/**
 * Hands a mail to the agent that it is for, and waits until its `onEmail` has ended.
 *
 * @param email what the Worker's `email` handler gets
 * @param env the Worker's bindings, in which the agent's class is looked up
 * @throws EMAIL_AGENT_UNKNOWN when there is no such agent and no `onNoRoute`; what `onEmail` throws: the mail server is told
 * that the mail was not taken, then
 * @example
 * await routeAgentEmail(message, env, {
 *   resolver: createAddressBasedEmailResolver("EmailAgent"),
 *   onNoRoute: (email) => email.setReject("Unknown recipient")
 * });
 */
export async function routeAgentEmail<Env>(
  email: ForwardableEmailMessage,
  env: Env,
  { resolver, onNoRoute }: EmailRoutingOptions
): Promise<void> {
  const route = await resolver(email, env);
  const found = route && findNamespaceInAnyCase(env, route.agentName);
  if (!route || !found) {
    if (route) reportUnknown(env, route.agentName, onNoRoute !== undefined);
    if (onNoRoute) await onNoRoute(email);
    else console.warn(`No agent for the mail from ${email.from} to ${email.to}: it is dropped`);
    return;
  }
  const stub = await getAgentByName(found.namespace, route.agentId);
  const delivery: Delivery = {
    from: email.from,
    to: email.to,
    headers: [...email.headers],
    rawSize: email.rawSize,
    secure: route.secure ?? false
  };
  const mail = new LiveMail(email);
  try {
    // Every agent has this method; the type of a stub shows only those of its own class.
    await (stub as unknown as Receiver).__agentEmail(delivery, mail);
  } finally {
    LiveMail.release(mail);
  }
}

/** Anybody can write to an agent that does not exist, so it is an error only where nothing else would tell. */
function reportUnknown(env: unknown, agentName: string, isHandled: boolean): void {
  const message = `No agent "${agentName}" for this mail. Agents of this Worker: ${agentNames(env).join(", ") || "none"}. Is the class exported and bound?`;
  if (!isHandled) throw new AgentError("EMAIL_AGENT_UNKNOWN", message);
  console.error(message);
}
