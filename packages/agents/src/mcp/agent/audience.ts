import { LoggingLevelSchema, type JSONRPCNotification, type JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import type { Call, Scope } from "./scope";
import type { Session, Sessions } from "./sessions";

/** A client that is told something: on the stream of a call, or where it listens. */
export interface Listener {
  session: string;
  call: Call | undefined;
}

// From the least urgent to the most.
const levels: readonly string[] = LoggingLevelSchema.options;

/**
 * Whom a notification is for.
 *
 * @param related the call of which the server has said that it belongs to it
 * @param scope for whom the code runs that sends it
 */
export function audienceOf(
  { method, params }: JSONRPCNotification,
  related: Call | undefined,
  scope: Scope | undefined,
  sessions: Sessions
): Listener[] {
  const inside = related ?? scope?.call;
  const ofCall = (call: Call | undefined): Listener[] => (call ? [{ session: call.session, call }] : []);
  const everybody = () => sessions.all().map(({ id }): Listener => ({ session: id, call: undefined }));
  switch (method) {
    case "notifications/message": {
      const listeners = inside ? ofCall(inside) : everybody();
      return listeners.filter(({ session }) => wants(sessions.get(session), params?.level));
    }
    case "notifications/progress":
    case "notifications/cancelled":
      return ofCall(inside);
    case "notifications/resources/updated":
      return sessions.subscribers(String(params?.uri)).map((session) => ({ session, call: undefined }));
    default:
      return related ? ofCall(related) : everybody();
  }
}

const wants = (session: Session | undefined, level: unknown): boolean =>
  session?.level === undefined || levels.indexOf(String(level)) >= levels.indexOf(session.level);

/** Remembers what a request says of its client, whoever handles it. */
export function note(request: JSONRPCRequest, id: string, sessions: Sessions): void {
  const session = sessions.get(id);
  if (!session) return;
  const { uri, level } = (request.params ?? {}) as { uri?: unknown; level?: unknown };
  switch (request.method) {
    case "initialize":
      if (!session.initialize) sessions.introduce(session, request);
      return;
    case "logging/setLevel": {
      const known = LoggingLevelSchema.safeParse(level);
      if (known.success) sessions.setLevel(session, known.data);
      return;
    }
    case "resources/subscribe":
      if (typeof uri === "string") sessions.subscribe(id, uri);
      return;
    case "resources/unsubscribe":
      if (typeof uri === "string") sessions.unsubscribe(id, uri);
  }
}
