// Agents as the pages of the documentation write them, with as little as a test needs beside.
import { Agent, callable, getCurrentAgent, type Connection, type ConnectionContext, type WSMessage } from "../index";

const parameter = ({ request }: ConnectionContext, name: string): string | null =>
  new URL(request.url).searchParams.get(name);

/** "WebSockets": a token, tags, a room, and who has left it. */
export class ChatRoom extends Agent {
  readonly errors: string[] = [];
  readonly closes: unknown[] = [];
  readonly ready: boolean[] = [];
  #isStarted = false;

  override async onStart() {
    await this.ctx.storage.get("nothing");
    this.#isStarted = true;
  }
  override getConnectionTags(_connection: Connection, ctx: ConnectionContext): string[] {
    const role = parameter(ctx, "role");
    return role === "admin" || role === "moderator" ? [role] : [];
  }
  override onConnect(connection: Connection, ctx: ConnectionContext) {
    this.ready.push(this.#isStarted);
    if (parameter(ctx, "token") === "wrong" || ctx.request.headers.get("Cookie") === "session=wrong") {
      connection.close(4001, "Unauthorized");
      return;
    }
    const username = parameter(ctx, "username") ?? "Anonymous";
    connection.setState({ username });
    this.broadcast(JSON.stringify({ type: "join", user: username }), [connection.id]);
  }
  override onMessage(connection: Connection, message: WSMessage) {
    if (typeof message !== "string") return;
    const { username } = connection.state as { username: string };
    this.broadcast(JSON.stringify({ type: "message", user: username, text: message }));
  }
  override onClose(connection: Connection, code: number, reason: string, wasClean: boolean) {
    this.closes.push([code, reason, wasClean]);
    const { username } = (connection.state as { username: string } | null) ?? {};
    if (username) this.broadcast(JSON.stringify({ type: "leave", user: username }));
  }
  override onError(connection: unknown, error?: unknown) {
    this.errors.push(`${(connection as Connection).id}: ${String(error)}`);
  }
  notifyAdmins(message: string) {
    for (const connection of this.getConnections("admin")) connection.send(message);
  }
  async notifyAll(event: string, data: unknown) {
    this.broadcast(JSON.stringify({ event, data }));
  }
}

type User = { name: string; lastSeen: number };

/** "WebSockets": who is there. */
export class PresenceAgent extends Agent {
  override shouldSendProtocolMessages() {
    return false;
  }
  override onConnect(connection: Connection<User>, ctx: ConnectionContext) {
    connection.setState({ name: parameter(ctx, "name") ?? "Anonymous", lastSeen: 0 });
    connection.send(JSON.stringify({ type: "presence", users: this.#presence() }));
    this.#tell([connection.id]);
  }
  override onClose() {
    this.#tell();
  }
  override onMessage(connection: Connection<User>, message: WSMessage) {
    if (message !== "ping") return;
    connection.setState((previous) => ({ ...previous!, lastSeen: previous!.lastSeen + 1 }));
    connection.send("pong");
  }
  #presence() {
    const users: Record<string, User> = {};
    for (const { id, state } of this.getConnections<User | null>()) if (state) users[id] = state;
    return users;
  }
  #tell(without?: string[]) {
    this.broadcast(JSON.stringify({ type: "presence", users: this.#presence() }), without);
  }
}

/** "WebSockets": bytes and texts, and what survives hibernation. */
export class FileAgent extends Agent<Cloudflare.Env, { counter: number }> {
  override initialState = { counter: 0 };
  #localCounter = 0;

  override onMessage(connection: Connection, message: WSMessage) {
    if (message instanceof ArrayBuffer) {
      const bytes = new Uint8Array(message);
      connection.send(JSON.stringify({ status: "received", size: bytes.length }));
      connection.send(bytes.subarray(1));
      connection.send(bytes.buffer);
      return;
    }
    this.setState({ counter: this.state.counter + 1 });
    this.#localCounter++;
    this.sql`CREATE TABLE IF NOT EXISTS messages (text TEXT)`;
    this.sql`INSERT INTO messages VALUES (${message as string})`;
    connection.setState((previous: { count: number } | null) => ({ count: (previous?.count ?? 0) + 1 }));
  }
  kept() {
    const connections = this.getConnections<{ count: number }>();
    return {
      state: this.state,
      rows: this.sql`SELECT text FROM messages`,
      connections: connections.map(({ id, state, tags, uri }) => ({ id, state, tags, uri })),
      local: this.#localCounter
    };
  }
}

/** "HTTP and Server-Sent Events", and the HTTP half of "HTTP & WebSockets". */
export class ApiAgent extends Agent<Cloudflare.Env, { sent: string[]; actions: string[] }> {
  override initialState = { sent: [] as string[], actions: [] as string[] };
  #release = () => {};

  override async onRequest(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("/status")) {
      return Response.json({ status: "ok", state: this.state, connections: this.getConnections().length });
    }
    if (pathname.endsWith("/action")) {
      if (request.method !== "POST") return new Response("Method not allowed", { status: 405 });
      const { action } = await request.json<{ action: string }>();
      this.setState({ ...this.state, actions: [...this.state.actions, action] });
      return Response.json({ success: true });
    }
    if (pathname.endsWith("/upload")) {
      const file = (await request.formData()).get("file") as unknown as File;
      return Response.json({ filename: file.name, size: file.size, content: await file.text() });
    }
    if (pathname.endsWith("/open")) {
      const headers = { "Access-Control-Allow-Origin": "*" };
      if (request.method !== "OPTIONS") return Response.json({ data: "..." }, { headers });
      return new Response(null, { headers: { ...headers, "Access-Control-Allow-Methods": "GET, POST, OPTIONS" } });
    }
    if (pathname.endsWith("/events")) return this.#stream(request.headers.get("Last-Event-ID"));
    return new Response("Not found", { status: 404 });
  }
  release(): void {
    this.#release();
  }
  /** Two events, then a pause until it is released, then one more. */
  #stream(lastEventId: string | null): Response {
    const encoder = new TextEncoder();
    const all = ["Starting...", "Step 1 complete", "Done!"];
    const send = (controller: ReadableStreamDefaultController, id: number) => {
      controller.enqueue(encoder.encode(`event: update\nid: ${id}\ndata: ${all[id]}\n\n`));
      this.setState({ ...this.state, sent: all.slice(0, id + 1) });
    };
    const from = lastEventId === null ? 0 : Number(lastEventId) + 1;
    const start = async (controller: ReadableStreamDefaultController) => {
      for (let id = from; id < all.length; id++) {
        if (id === all.length - 1 && from === 0) await new Promise<void>((resolve) => (this.#release = resolve));
        send(controller, id);
      }
      controller.close();
    };
    return new Response(new ReadableStream({ start }), {
      headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-cache", Connection: "keep-alive" }
    });
  }
}

type Shared = { count: number; orders: string[] };

/** "Readonly connections": who may write what, and who did. */
export class CollabAgent extends Agent<Cloudflare.Env, Shared> {
  override initialState: Shared = { count: 0, orders: [] };
  readonly seen: unknown[] = [];

  override shouldConnectionBeReadonly(connection: Connection, ctx: ConnectionContext) {
    this.seen.push(["asked", connection.id]);
    const role = parameter(ctx, "role");
    return parameter(ctx, "mode") === "view" || role === "viewer" || role === "guest";
  }
  override onConnect(connection: Connection) {
    this.seen.push(["connected", this.isConnectionReadonly(connection)]);
  }
  override validateStateChange(next: Shared) {
    if (next.count < 0) throw new Error("negative");
  }
  /** Refusals are what the tests are about: nothing for the log. */
  override onError() {}
  override onStateChanged(_state: Shared, source: Connection | "server") {
    if (source !== "server") this.seen.push(["written by", source.id, this.isConnectionReadonly(source)]);
  }
  @callable()
  async setMyReadonly(readonly: boolean) {
    const { connection } = getCurrentAgent();
    if (connection) this.setConnectionReadonly(connection, readonly);
  }
  @callable()
  async startSpectating() {
    const { connection } = getCurrentAgent();
    if (connection) this.setConnectionReadonly(connection);
  }
  @callable()
  async getPermissions() {
    const { connection } = getCurrentAgent();
    return connection && { canEdit: !this.isConnectionReadonly(connection), connectionId: connection.id };
  }
  @callable()
  increment() {
    this.setState({ ...this.state, count: this.state.count + 1 });
  }
  @callable()
  async processOrder(order: string, isStateFirst: boolean) {
    if (!isStateFirst) this.seen.push(["charged", order]);
    this.setState({ ...this.state, orders: [...this.state.orders, order] });
    if (isStateFirst) this.seen.push(["charged", order]);
  }
  @callable()
  async upgradeToEditor(password: string) {
    const { connection } = getCurrentAgent();
    if (password !== "open") throw new Error("Insufficient permissions");
    this.setConnectionReadonly(connection!, false);
    return { success: true };
  }
}

/** "Protocol messages": devices that read no JSON, and may only report. */
export class SensorHub extends Agent<Cloudflare.Env, { n: number }> {
  override initialState = { n: 0 };
  readonly asked: string[] = [];
  readonly messages: unknown[] = [];

  override shouldSendProtocolMessages(connection: Connection, ctx: ConnectionContext): boolean {
    this.asked.push(connection.id);
    return parameter(ctx, "type") !== "sensor" && ctx.request.headers.get("Sec-WebSocket-Protocol") !== "mqtt";
  }
  override shouldConnectionBeReadonly(_connection: Connection, ctx: ConnectionContext): boolean {
    return parameter(ctx, "readonly") !== null;
  }
  override onStart() {
    this.sql`CREATE TABLE IF NOT EXISTS readings (sensor_id TEXT, value REAL)`;
  }
  /** As above. */
  override onError() {}
  override onMessage(connection: Connection, message: WSMessage) {
    this.messages.push(typeof message === "string" ? message : (message as ArrayBuffer).byteLength);
    connection.send(message);
  }
  @callable()
  async reportReading(sensorId: string, value: number) {
    this.sql`INSERT INTO readings (sensor_id, value) VALUES (${sensorId}, ${value})`;
  }
  @callable()
  set(n: number) {
    this.setState({ n });
  }
  @callable()
  async getConnectionInfo() {
    const { connection } = getCurrentAgent();
    if (!connection) return null;
    return {
      protocolEnabled: this.isConnectionProtocolEnabled(connection),
      readonly: this.isConnectionReadonly(connection)
    };
  }
}
