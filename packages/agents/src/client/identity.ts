import type { AgentClientCallbacks } from "./options";
import type { ConnectionError } from "./refusals";

/** What a client knows of its agent. A new object for every change. */
export interface AgentSnapshot<State> {
  readonly agent: string;
  readonly name: string;
  readonly identified: boolean;
  readonly state: State | undefined;
  /** Why there is no connection and none is attempted. */
  readonly connectionError: ConnectionError | undefined;
}

/** Which instance an agent says that it is. */
export type Identity = { name: string; agent: string };

/** Whether the second is known not to be the first. */
export const isOther = (before: Identity | undefined, after: Identity): before is Identity =>
  before !== undefined && (before.name !== after.name || before.agent !== after.agent);

/** A connection led to another instance than the one before. */
export function tellIdentityChange(
  { onIdentityChange }: AgentClientCallbacks<never>,
  before: Identity,
  after: Identity
): void {
  if (onIdentityChange) return onIdentityChange(before.name, after.name, before.agent, after.agent);
  console.warn(
    `The connection led to ${before.agent} "${before.name}" and now leads to ${after.agent} "${after.name}". ` +
      "Pass onIdentityChange to handle this."
  );
}

// `crypto.randomUUID` is missing on pages that are served plainly from another machine.
export function randomId(): string {
  return (
    crypto.randomUUID?.() ??
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")
  );
}

export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
