// The snippets of the pages "WebSockets", "HTTP & WebSockets" and "Cross-domain authentication".
import { Agent, type Connection, type ConnectionContext, type WSMessage } from "agents";
import { expectTypeOf } from "vitest";

export class StartAgent extends Agent {
  private cache: Map<string, unknown> = new Map();
  async onStart() {
    console.log(`Agent ${this.name} starting...`);
    const savedData = this.sql<{ key: string; value: unknown }>`SELECT * FROM cache`;
    for (const row of savedData) {
      this.cache.set(row.key, row.value);
    }
    for (const row of this.sql`SELECT * FROM cache`) console.log(row.key);
  }
  onConnect(connection: Connection) {
    connection.send("ready");
  }
}

export class EchoAgent extends Agent {
  onRequest(_request: Request): Response {
    return new Response("Hello from HTTP!");
  }
  onConnect(connection: Connection, _ctx: ConnectionContext) {
    connection.send("Welcome!");
  }
  onMessage(connection: Connection, message: WSMessage) {
    connection.send(message);
  }
}

export class ChatAgent extends Agent {
  async onConnect(connection: Connection, ctx: ConnectionContext) {
    const url = new URL(ctx.request.url);
    const token = url.searchParams.get("token");
    if (!token) {
      connection.close(4001, "Unauthorized");
      return;
    }
    connection.setState({ authenticated: true });
  }
  async onMessage(connection: Connection, message: WSMessage) {
    if (typeof message === "string") {
      const data = JSON.parse(message);
      connection.send(JSON.stringify({ received: data }));
    }
  }
  async notifyAll(event: string, data: unknown) {
    this.broadcast(JSON.stringify({ event, data }));
  }
  notifyOthers(connection: Connection) {
    this.broadcast(JSON.stringify({ type: "user-typing", userId: "123" }), [connection.id]);
  }
  getConnectionTags(_connection: Connection, ctx: ConnectionContext): string[] {
    const role = new URL(ctx.request.url).searchParams.get("role");
    const tags: string[] = [];
    if (role === "admin") tags.push("admin");
    return tags;
  }
  notifyAdmins(message: string) {
    for (const conn of this.getConnections("admin")) {
      conn.send(message);
    }
  }
  async onError(connection: Connection, error: unknown) {
    console.error(`Connection ${connection.id} error:`, error);
  }
  async onClose(connection: Connection, code: number, reason: string, wasClean: boolean) {
    console.log(`Connection ${connection.id} closed: ${code} ${reason} ${wasClean}`);
    this.broadcast(JSON.stringify({ event: "user-left", userId: connection.state?.userId }));
  }
}

// `onError` in its other forms.
export class ServerErrors extends Agent {
  onError(error: unknown): void {
    console.error("Server error:", error);
  }
}
export class BothErrors extends Agent {
  onError(connection: Connection, error: unknown): void;
  onError(error: unknown): void;
  onError(connectionOrError: unknown, error?: unknown): void {
    console.error(error ?? connectionOrError);
  }
}
export class ThrowingErrors extends Agent {
  override onError(connection: Connection<{ name: string }>, error: Error): never {
    throw new Error(connection.state.name, { cause: error });
  }
  async report() {
    await this.onError(this.getConnection<{ name: string }>("a")!, new Error("x"));
  }
}
declare const any: Agent;
void any.onError(new Error("of the server"));
void any.onError(any.getConnection("a")!, "of a connection");

interface ConnectionState {
  userId: string;
  role: "admin" | "user";
  joinedAt: number;
}
// proves websockets#state-type
export class StatefulAgent extends Agent {
  async onConnect(connection: Connection<ConnectionState>, ctx: ConnectionContext) {
    const userId = new URL(ctx.request.url).searchParams.get("userId");
    connection.setState({ userId: userId || "anonymous", role: "user", joinedAt: Date.now() });
    // @ts-expect-error another state
    connection.setState({ userId: 1 });
  }
  async onMessage(connection: Connection<ConnectionState>, _message: WSMessage) {
    console.log(`Message from ${connection.state.userId}`);
    expectTypeOf(connection.state.role).toEqualTypeOf<"admin" | "user">();
  }
}

export class FileAgent extends Agent {
  private async processFile(bytes: Uint8Array) {
    return bytes.length;
  }
  async onMessage(connection: Connection, message: WSMessage) {
    if (message instanceof ArrayBuffer) {
      const bytes = new Uint8Array(message);
      await this.processFile(bytes);
      connection.send(JSON.stringify({ status: "received", size: bytes.length }));
    } else if (typeof message === "string") {
      const command = JSON.parse(message);
      void command;
    }
  }
}

export class CountingAgent extends Agent<Env, { counter: number }> {
  initialState = { counter: 0 };
  private localCounter = 0;
  onMessage(_connection: Connection, _message: WSMessage) {
    this.setState({ counter: this.state.counter + 1 });
    this.localCounter++;
  }
}

type UserState = { name: string; joinedAt: number; lastSeen: number };
export class PresenceAgent extends Agent {
  onConnect(connection: Connection<UserState>, ctx: ConnectionContext) {
    const name = new URL(ctx.request.url).searchParams.get("name") || "Anonymous";
    connection.setState({ name, joinedAt: Date.now(), lastSeen: Date.now() });
    connection.send(JSON.stringify({ type: "presence", users: this.getPresence() }));
    this.broadcastPresence();
  }
  onClose(_connection: Connection) {
    this.broadcastPresence();
  }
  onMessage(connection: Connection<UserState>, message: WSMessage) {
    if (message === "ping") {
      connection.setState((prev) => ({ ...prev!, lastSeen: Date.now() }));
      connection.send("pong");
    }
  }
  private getPresence() {
    const users: Record<string, { name: string; lastSeen: number }> = {};
    for (const conn of this.getConnections<UserState>()) {
      if (conn.state) {
        users[conn.id] = { name: conn.state.name, lastSeen: conn.state.lastSeen };
      }
    }
    return users;
  }
  private broadcastPresence() {
    this.broadcast(JSON.stringify({ type: "presence", users: this.getPresence() }));
  }
}

type Message = { type: "message" | "join" | "leave"; user: string; text?: string; timestamp: number };
export class ChatRoom extends Agent {
  onConnect(connection: Connection, ctx: ConnectionContext) {
    const username = new URL(ctx.request.url).searchParams.get("username") || "Anonymous";
    connection.setState({ username });
    this.broadcast(JSON.stringify({ type: "join", user: username, timestamp: Date.now() } satisfies Message), [
      connection.id
    ]);
  }
  onMessage(connection: Connection, message: WSMessage) {
    if (typeof message !== "string") return;
    const { username } = connection.state as { username: string };
    this.broadcast(
      JSON.stringify({ type: "message", user: username, text: message, timestamp: Date.now() } satisfies Message)
    );
  }
  onClose(connection: Connection) {
    const { username } = (connection.state as { username: string }) || {};
    if (username) {
      this.broadcast(JSON.stringify({ type: "leave", user: username, timestamp: Date.now() } satisfies Message));
    }
  }
}

type CountedState = { username: string; joinedAt: number; messageCount: number };
export class CountedRoom extends Agent {
  onMessage(connection: Connection<CountedState>, _message: WSMessage) {
    connection.setState((prev) => ({ ...prev!, messageCount: (prev?.messageCount || 0) + 1 }));
    const { username, messageCount } = connection.state!;
    console.log(`${username} sent message #${messageCount}`);
  }
}

export class UploadAgent extends Agent {
  async onRequest(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname.endsWith("/status")) {
      return Response.json({ status: "ok", connections: this.getConnections().length });
    }
    const formData = await request.formData();
    const file = formData.get("file") as unknown as File;
    return Response.json({ filename: file.name, size: file.size, content: await file.text() });
  }
}

export class QuietAgent extends Agent {
  shouldSendProtocolMessages(_connection: Connection, ctx: ConnectionContext): boolean {
    return new URL(ctx.request.url).searchParams.get("protocol") !== "false";
  }
  shouldConnectionBeReadonly(_connection: Connection, ctx: ConnectionContext): boolean {
    return new URL(ctx.request.url).searchParams.get("mode") === "view";
  }
  flags(connection: Connection) {
    this.setConnectionReadonly(connection);
    this.setConnectionReadonly(connection, false);
    return [this.isConnectionProtocolEnabled(connection), this.isConnectionReadonly(connection)];
  }
}

declare function verifyJWT(token: string, secret: string): Promise<{ sub: string; exp: number }>;
export class SecureAgent extends Agent {
  async onConnect(connection: Connection, ctx: ConnectionContext) {
    const url = new URL(ctx.request.url);
    const token = url.searchParams.get("token");
    const userId = url.searchParams.get("userId");
    if (!token || !(await this.verifyToken(token, userId))) {
      connection.close(4001, "Unauthorized");
      return;
    }
    connection.setState({ userId, authenticated: true });
  }
  private async verifyToken(token: string, userId: string | null): Promise<boolean> {
    try {
      const payload = await verifyJWT(token, this.env.JWT_SECRET);
      return payload.sub === userId && payload.exp > Date.now() / 1000;
    } catch {
      return false;
    }
  }
  async onMessage(connection: Connection, _message: string) {
    if (!connection.state?.authenticated) {
      connection.send(JSON.stringify({ error: "Not authenticated" }));
      return;
    }
    const userId = connection.state.userId;
    void userId;
  }
}

// A connection is a WebSocket with a little more, and fits whatever takes one.
export function socket(connection: Connection<{ n: number }>): WebSocket {
  expectTypeOf(connection.id).toEqualTypeOf<string>();
  expectTypeOf(connection.tags).toEqualTypeOf<readonly string[]>();
  expectTypeOf(connection.uri).toEqualTypeOf<string | null>();
  connection.send(new Uint8Array(2));
  connection.send(new ArrayBuffer(2));
  return connection;
}
