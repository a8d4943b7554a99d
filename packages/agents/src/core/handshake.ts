import { extensionsParameter, extensionsVersion, type HelloFrame } from "../protocol/frames";
import type { Connection } from "./connection";

/** How often a client of ours makes sure that its connection is alive, while nothing arrives. */
const heartbeatMs = 25_000;
/** The platform's limit for one message. */
const maxFrameBytes = 32 * 1024 * 1024;

/** Whether a request asks for a WebSocket. */
export const isUpgrade = (request: Request): boolean => request.headers.get("Upgrade")?.toLowerCase() === "websocket";

/** An upgrade request as programs see it. */
export interface Upgrade {
  readonly request: Request;
  /** Of the request, which makes it anew each time that it is read. */
  readonly url: string;
  /** The client takes part in what we add to the protocol. */
  readonly extended: boolean;
}

/** Takes what a client of ours adds to the URL out of it: programs see their own query, to the letter. */
export function readExtensions(request: Request): Upgrade {
  const plain = { request, url: request.url, extended: false };
  if (!plain.url.includes(extensionsParameter)) return plain;
  const url = new URL(plain.url);
  // As text: `URLSearchParams` would write the program's parameters in its own spelling.
  const parameters = url.search.slice(1).split("&");
  const announced = parameters.find(isOurs);
  if (announced === undefined) return plain;
  url.search = parameters.filter((parameter) => !isOurs(parameter)).join("&");
  const version = Number(announced.slice(extensionsParameter.length + 1));
  return { request: new Request(url, request), url: url.href, extended: version >= extensionsVersion };
}

const isOurs = (parameter: string): boolean => parameter.split("=", 1)[0] === extensionsParameter;

/** The first frame for a client that takes part. */
export function helloFrame(connection: Connection): string {
  const { id } = connection;
  const frame: HelloFrame = {
    type: "cf_agent_hello",
    version: extensionsVersion,
    connection: id,
    heartbeatMs,
    maxFrameBytes
  };
  return JSON.stringify(frame);
}
