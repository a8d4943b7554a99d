import { EventStream } from "../http/event-stream";
import { checkStreamRequest, readMessages } from "../http/read";
import { methodNotAllowed, Refusal, sessionUnknown } from "../http/refusal";
import { Relay, say, sayAndListen } from "./relay";
import { addressOf, known, newId, ours, pause, type Visit } from "./serve";

/** The transport of before 2025: a stream for everything that the server says, and a second address for what the client says. */
export function handleSse(visit: Visit, messagePath: string): Promise<Response> {
  const { method } = visit.request;
  if (method === "GET") return openStream(visit, messagePath);
  if (method === "POST") return takeMessages(visit);
  throw methodNotAllowed("GET", "POST");
}

async function openStream(visit: Visit, messagePath: string): Promise<Response> {
  checkStreamRequest(visit.request);
  const session = newId();
  const { caller, reach } = await addressOf(visit, "sse", session);
  const { outcome, socket } = await sayAndListen(await reach(), { ...caller, type: "begin-stream", ticket: newId() });
  if (outcome.type !== "stream") throw sessionUnknown();
  const events = new EventStream({ onClose: () => relay.stop() });
  const again = (after: string) => ({ ...caller, type: "listen", ticket: newId(), after }) as const;
  const relay: Relay = new Relay(events, outcome.stream, { reach, again, withIds: false, wait: pause });
  const endpoint = new URL(messagePath, visit.request.url);
  // What is there may say which object it is.
  for (const [name, value] of new URL(visit.request.url).searchParams) endpoint.searchParams.append(name, value);
  endpoint.searchParams.set("sessionId", session);
  events.send({ event: "endpoint", data: endpoint.pathname + endpoint.search });
  relay.carry(socket);
  return events.toResponse();
}

async function takeMessages(visit: Visit): Promise<Response> {
  const session = new URL(visit.request.url).searchParams.get("sessionId");
  if (!session) throw new Refusal(400, "Bad Request: sessionId is required");
  // Clients of that time say that they accept what they like.
  const request = new Request(visit.request);
  request.headers.set("Accept", "application/json, text/event-stream");
  const { messages, isBatch } = await readMessages(request);
  const { caller, reach } = await addressOf(visit, "sse", ours(session));
  known(await say(reach, { ...caller, type: "post", messages, isBatch }));
  return new Response("Accepted", { status: 202 });
}
