import type { JSONRPCMessage, JSONRPCRequest, RequestInfo } from "@modelcontextprotocol/sdk/types.js";

// What the Worker and the object say to each other. Commands go by RPC, which no client of the Worker can forge; what the object
// has to say comes over a WebSocket that hibernates, one for each stream of events.

/** How a client reaches its session: it decides what the name of the object begins with. */
export type SessionKind = "streamable-http" | "sse" | "rpc";

/** Said with every command. */
export interface Caller {
  readonly session: string;
  /** Whose session it is, where somebody has signed in. A session answers nobody else. */
  readonly identity?: string | undefined;
  /** Of the request that brought the command. They replace those of the session. */
  readonly props?: unknown;
  /** The HTTP request, for tools that look at it. */
  readonly request?: RequestDetails | undefined;
}

/** A request as it travels: a `URL` does not. */
export type RequestDetails = Omit<RequestInfo, "url"> & { url?: string | undefined };

export type Command = Caller &
  (
    | { readonly type: "begin"; readonly kind: SessionKind; readonly initialize: JSONRPCRequest }
    /** A stream of the older transport, by which its session begins. */
    | { readonly type: "begin-stream"; readonly ticket: string }
    | {
        readonly type: "post";
        readonly messages: readonly JSONRPCMessage[];
        readonly isBatch: boolean;
        /** The answers go to the socket that comes with it; without, to the stream that the session has. */
        readonly ticket?: string;
      }
    /** Without an event id, all that was not sent yet. */
    | { readonly type: "listen"; readonly ticket: string; readonly after?: string }
    | { readonly type: "end" }
  );

export type Outcome =
  | { readonly type: "accepted" }
  | { readonly type: "answered"; readonly message: JSONRPCMessage }
  | { readonly type: "stream"; readonly stream: number; readonly version: string | undefined }
  | { readonly type: "unknown-session" }
  | { readonly type: "nothing-to-resume" }
  | { readonly type: "no-batches" };

/** The object, as the Worker sees it. */
export interface McpStub {
  __mcp(command: Command): Promise<Outcome>;
  fetch(url: string, init: { headers: Record<string, string> }): Promise<Response>;
}

/** From this version on, clients take an event without data: they get one at once, so that they can resume from it. */
export const versionWithPriming = "2025-11-25";

/** The header of the request that opens a socket. What it says was in a command, and is good once. */
export const ticketHeader = "x-agents-mcp-ticket";

/** Why the object closes the socket of a stream. Anything else is a broken line. */
export const closeCodes = {
  /** All has been said. */
  done: 1000,
  /** The client is to come again later: the server said so (`closeSSEStream`). */
  later: 4000,
  /** The session is over. */
  ended: 4004
} as const;

/** An event on its way to the Worker: its id, a line break, the message. */
export const eventFrame = (id: string, message: string): string => `${id}\n${message}`;

export function readEventFrame(frame: string): { id: string; message: string } {
  const end = frame.indexOf("\n");
  return { id: frame.slice(0, end), message: frame.slice(end + 1) };
}

/** An event is known by its stream and its place in the log. */
export const eventId = (stream: number, place: number): string => `${stream}-${place}`;

export function readEventId(id: string): { stream: number; place: number } | undefined {
  const [, stream, place] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? [];
  return stream === undefined ? undefined : { stream: Number(stream), place: Number(place) };
}
