import {
  Agent,
  callable,
  getCurrentAgent,
  type Connection,
  type ConnectionContext,
  type StreamingResponse
} from "../index";

// Agents as the pages of the documentation write them.

type CounterState = { count: number; items: string[] };

/** Has methods of every kind. */
export class CounterAgent extends Agent<Cloudflare.Env, CounterState> {
  override initialState: CounterState = { count: 0, items: [] };
  /** What `onStart` found. */
  found: number | undefined;

  override onStart() {
    this.found = this.state.count;
    this.sql`CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`;
  }
  override onRequest(request: Request) {
    const id = new URL(request.url).searchParams.get("id");
    const [event] = this.sql<{ name: string }>`SELECT name FROM events WHERE id = ${id}`;
    return Response.json(event ?? null);
  }

  @callable()
  increment(): number {
    this.setState({ ...this.state, count: this.state.count + 1 });
    return this.state.count;
  }
  @callable()
  async addItem(item: string): Promise<string[]> {
    await this.ctx.storage.get("nothing");
    this.setState({ ...this.state, items: [...this.state.items, item] });
    return this.state.items;
  }
  @callable({ description: "How much there is" })
  getStats(): { count: number; itemCount: number } {
    return { count: this.state.count, itemCount: this.state.items.length };
  }
  @callable()
  processItems(items: string[]): number[] {
    return items.map((item) => item.length);
  }
  @callable()
  async logEvent(name: string): Promise<void> {
    await this.ctx.storage.get("nothing");
    this.sql`INSERT INTO events (name) VALUES (${name})`;
  }
  @callable()
  notJson() {
    return { date: new Date(0), map: new Map([["a", 1]]), run: () => {}, kept: true };
  }
  @callable({ streaming: true })
  processWithProgress(stream: StreamingResponse, items: string[]) {
    for (const [index, item] of items.entries()) {
      if (item === "bad") {
        stream.error(`Failed to process ${item}`);
        return;
      }
      void stream.send({ progress: (index + 1) / items.length, item });
    }
    stream.end({ completed: true, total: items.length });
  }

  @callable()
  async describe() {
    return describeAgent();
  }
  /** Not for clients. */
  internalMethod() {
    return "internal";
  }
  /** Changes the object, and forgets to set it. */
  mutate() {
    this.state.count = 1_000;
  }
}

/** Knows of no agent but the one that it is called by. */
async function describeAgent() {
  await null;
  const { agent } = getCurrentAgent<CounterAgent>();
  return { name: agent?.name, count: agent?.state.count };
}

type GameState = { players: string[]; score: number; status: "waiting" | "playing" | "finished" };

/** Has rules for its state, and starts the game when a client adds the second player. */
export class GameAgent extends Agent<Cloudflare.Env, GameState> {
  override initialState: GameState = { players: [], score: 0, status: "waiting" };

  override validateStateChange(next: GameState, source: Connection | "server") {
    if (next.score < 0) throw new Error(`score cannot be negative, said ${source === "server" ? source : source.id}`);
    if (this.state.status === "finished" && next.status !== "finished") {
      throw new Error("Cannot restart a finished game");
    }
  }
  override onStateChanged(state: GameState, source: Connection | "server") {
    if (source !== "server" && state.players.length >= 2) this.setState({ ...state, status: "playing" });
  }
  override onRequest() {
    const { players, status } = this.state;
    if (status === "waiting" && players.length < 2) return new Response("Waiting for players...");
    return Response.json(this.state);
  }
}

interface Claims {
  user: string;
  /** For which instance the token is. */
  room: string;
  expiresAtMs: number;
}

const key = crypto.subtle.importKey(
  "raw",
  new TextEncoder().encode("secret"),
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign", "verify"]
);
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A token for the query of a connection. */
export async function signToken(claims: Claims): Promise<string> {
  const text = JSON.stringify(claims);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", await key, bytesOf(text)));
  return btoa(JSON.stringify([text, [...signature]]));
}

async function claimsOf(token: string): Promise<Claims | undefined> {
  try {
    const [text, signature] = JSON.parse(atob(token)) as [string, number[]];
    const isOurs = await crypto.subtle.verify("HMAC", await key, new Uint8Array(signature), bytesOf(text));
    return isOurs ? (JSON.parse(text) as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** Lets in who brings a token for this instance, and remembers who it is. */
export class SecureAgent extends Agent {
  override async onConnect(connection: Connection, { request }: ConnectionContext) {
    const { searchParams } = new URL(request.url);
    const claims = await claimsOf(searchParams.get("token") ?? "");
    const isValid = claims && claims.room === this.name && claims.expiresAtMs > Date.now();
    if (!isValid || claims.user !== searchParams.get("userId")) {
      connection.close(4001, "Unauthorized");
      return;
    }
    connection.setState({ userId: claims.user, authenticated: true, cookie: request.headers.get("Cookie") });
  }
  override onMessage(connection: Connection<{ userId: string; authenticated: boolean }>) {
    if (!connection.state?.authenticated) {
      connection.send(JSON.stringify({ error: "Not authenticated" }));
      return;
    }
    connection.send(JSON.stringify(connection.state));
  }
}
