import { Refusal } from "../http/refusal";
import { answering, handleStreamable, sessionHeader, type McpHandler, type ServeOptions, type Visit } from "./serve";
import { handleSse } from "./serve-sse";

export type { McpHandler, ServeOptions } from "./serve";

/** The handler of a class. */
export function serve(className: string, path: string, options: ServeOptions): McpHandler {
  const pattern = new URLPattern({ pathname: path });
  const messages = new URLPattern({ pathname: `${path.replace(/\/$/, "")}/message` });
  return {
    fetch: (request, env, ctx) => {
      const url = new URL(request.url);
      const isMessage = messages.test({ pathname: url.pathname });
      const visit: Visit = { request, className, options, env, ctx };
      return answering(visit, async () => {
        if (!isMessage && !pattern.test({ pathname: url.pathname })) throw new Refusal(404, "Not found");
        const isOlder = isMessage || usesSse(request, options.transport ?? "streamable-http");
        if (!isOlder) return handleStreamable(visit);
        return handleSse(visit, isMessage ? url.pathname : `${url.pathname.replace(/\/$/, "")}/message`);
      });
    }
  };
}

/** A client of the newer transport asks for a stream only when it has a session. */
function usesSse(request: Request, transport: NonNullable<ServeOptions["transport"]>): boolean {
  if (transport === "auto") return request.method === "GET" && !request.headers.has(sessionHeader);
  return transport === "sse";
}
