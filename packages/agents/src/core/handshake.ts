import { extensionsParameter, extensionsVersion, type HelloFrame } from "../protocol/frames";
import type { Connection } from "./connection";

/** How often a client of ours makes sure that its connection is alive, while nothing arrives. */
const heartbeatMs = 25_000;
/** The platform's limit for one message. */
const maxFrameBytes = 32 * 1024 * 1024;

/** Takes what a client of ours adds to the URL out of it: programs see their own query, to the letter. */
export function readExtensions(request: Request): { request: Request; extended: boolean } {
  if (!request.url.includes(extensionsParameter)) return { request, extended: false };
  const url = new URL(request.url);
  // As text: `URLSearchParams` would write the program's parameters in its own spelling.
  const parameters = url.search.slice(1).split("&");
  const announced = parameters.find(isOurs);
  if (announced === undefined) return { request, extended: false };
  url.search = parameters.filter((parameter) => !isOurs(parameter)).join("&");
  const version = Number(announced.slice(extensionsParameter.length + 1));
  return { request: new Request(url, request), extended: version >= extensionsVersion };
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
