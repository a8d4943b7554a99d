// The floor: the least that a Durable Object can do for the same frames. No hooks, and no checks beyond what the protocol
// needs.
import { DurableObject } from "cloudflare:workers";

interface CallFrame {
  type: string;
  id: string;
  method: string;
  args: unknown[];
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

export class FloorObject extends DurableObject {
  protected agent = "";
  protected readonly sql = this.ctx.storage.sql;

  override fetch(request: Request): Response {
    if (request.headers.get("upgrade") !== "websocket") return new Response("ok");
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    server.send(JSON.stringify({ type: "cf_agent_identity", name: this.ctx.id.name, agent: this.agent }));
    this.greet(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override async webSocketMessage(socket: WebSocket, message: string): Promise<void> {
    const { type, id, method, args } = JSON.parse(message) as CallFrame;
    if (type !== "rpc") return;
    const result = await (this as unknown as Methods)[method]!(...args);
    socket.send(JSON.stringify({ type: "rpc", id, success: true, done: true, result }));
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    // The runtime reports 1005 and 1006, but they cannot be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  /** What a connection is sent after its identity. */
  protected greet(_socket: WebSocket): void {}

  protected broadcast(frame: string): void {
    for (const socket of this.ctx.getWebSockets()) socket.send(frame);
  }
}

/** Routes /agents/{class}/{name} to the object of that name. */
export function route(namespace: DurableObjectNamespace<FloorObject>, request: Request): Response | Promise<Response> {
  const [, prefix, , name] = new URL(request.url).pathname.split("/");
  if (prefix !== "agents" || !name) return new Response("not found", { status: 404 });
  return namespace.getByName(decodeURIComponent(name)).fetch(request);
}
