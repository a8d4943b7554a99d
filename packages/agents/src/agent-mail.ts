import type { AgentEmail } from "./core/email";
import type { Host } from "./core/host";
import type { ResolvedOptions } from "./core/options";
import { Mail, mailSchema } from "./email/mail";

// What an agent loads when it gets its first mail, or sends one. What it needs that is loaded already is handed to it: a module
// that both import would become a file of its own in a bundle.

/** An agent, as its mail sees it. */
interface Owner {
  readonly name: string;
  onEmail?(email: AgentEmail): unknown;
}

/** The mail of an agent, which is made when it is first asked for. */
export function mailOf(
  agent: Owner,
  host: Host,
  className: () => string,
  optionsOf: (constructor: object) => ResolvedOptions
): Mail {
  const installed = host.capability("email");
  if (installed instanceof Mail) return installed;
  return host.install(
    new Mail({
      schema: host.schema("email", mailSchema),
      now: () => Date.now(),
      emit: (type, payload) => host.emit(type, payload),
      dropsDuplicates: () => optionsOf(agent.constructor).dropDuplicateEmails ?? false,
      self: () => ({ agentName: className(), agentId: agent.name }),
      handle: (email) => {
        if (agent.onEmail) return agent.onEmail(email);
        console.warn(`A mail from ${email.from} was dropped: ${className()} has no onEmail()`);
      }
    })
  );
}
