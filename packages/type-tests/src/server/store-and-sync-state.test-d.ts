// The snippets of the page "Store and sync state".
import { Agent, callable, type Connection } from "agents";
import { expectTypeOf } from "vitest";

type GameState = { players: string[]; score: number; status: "waiting" | "playing" | "finished" };

// proves store-and-sync-state#typed
export class GameAgent extends Agent<Env, GameState> {
  initialState: GameState = { players: [], score: 0, status: "waiting" };
  onStateChanged(state: GameState, source: Connection | "server") {
    if (source !== "server" && state.players.length >= 2) {
      this.setState({ ...state, status: "playing" });
    }
  }
  addPlayer(name: string) {
    this.setState({ ...this.state, players: [...this.state.players, name] });
    // @ts-expect-error no such status
    this.setState({ ...this.state, status: "over" });
    // @ts-expect-error not the whole state
    this.setState({ score: 1 });
  }
  validateStateChange(nextState: GameState, _source: Connection | "server") {
    if (nextState.score < 0) {
      throw new Error("score cannot be negative");
    }
    if (this.state.status === "finished" && nextState.status !== "finished") {
      throw new Error("Cannot restart a finished game");
    }
  }
}

export class LazyAgent extends Agent<Env, { count: number }> {
  initialState = { count: 0 };
  async onStart() {
    console.log("Current count:", this.state.count);
  }
}

export class ReadingAgent extends Agent<Env, { players: string[]; status: "waiting" | "playing" | "finished" }> {
  async onRequest(_request: Request) {
    const { players, status } = this.state;
    if (status === "waiting" && players.length < 2) {
      return new Response("Waiting for players...");
    }
    return Response.json(this.state);
  }
}

// D15: an unstated state is `any`.
export class MinimalAgent extends Agent {
  async onConnect(_connection: Connection) {
    if (!this.state) {
      this.setState({ initialized: true });
    }
    expectTypeOf(this.state).toBeAny();
    // proves add-to-existing-project#default-Env
    expectTypeOf(this.env).toEqualTypeOf<Cloudflare.Env>();
  }
}
export class UntypedAgent extends Agent<Env> {
  initialState = { typing: [], unreadCount: 0, activeUsers: [] };
  async getMessages(limit = 100) {
    return this.sql`SELECT * FROM messages ORDER BY created_at DESC LIMIT ${limit}`;
  }
  async saveMessage(message: { id: string; text: string; userId: string }) {
    this.sql`
      INSERT INTO messages (id, text, user_id, created_at)
      VALUES (${message.id}, ${message.text}, ${message.userId}, ${Date.now()})
    `;
    this.setState({ ...this.state, unreadCount: this.state.unreadCount + 1 });
  }
}

export class LoggingAgent extends Agent<Env, GameState> {
  onStateChanged(state: GameState, source: Connection | "server") {
    console.log("State updated:", state);
    console.log("Updated by:", source === "server" ? "server" : source.id);
    if (source === "server") return;
    const connection = source;
    console.log(`Client ${connection.id} updated state`);
  }
}

type Note = { id: string; processed?: boolean };
export class NotesAgent extends Agent<Env, { messages: Note[] }> {
  onStateChanged(state: { messages: Note[] }, source: Connection | "server") {
    if (source === "server") return;
    const lastMessage = state.messages[state.messages.length - 1];
    if (lastMessage && !lastMessage.processed) {
      this.setState({
        ...state,
        messages: state.messages.map((m) => (m.id === lastMessage.id ? { ...m, processed: true } : m))
      });
    }
  }
}

type User = { id: string; name: string; email: string };
export class SqlAgent extends Agent {
  async onRequest(request: Request) {
    const userId = new URL(request.url).searchParams.get("userId");
    const [user] = this.sql<User>`SELECT * FROM users WHERE id = ${userId}`;
    // proves store-and-sync-state#sql-typed
    expectTypeOf(user!).toEqualTypeOf<User>();
    const [row] = this.sql`SELECT * FROM users WHERE id = ${userId}`;
    return Response.json([user, row]);
  }
  values() {
    this.sql`INSERT INTO t VALUES (${new Date()}, ${true}, ${null}, ${1n}, ${new Uint8Array(1)}, ${["a", "b"]})`;
    // @ts-expect-error cannot be stored
    this.sql`SELECT ${{ an: "object" }}`;
    // @ts-expect-error cannot be stored
    this.sql`SELECT ${undefined}`;
  }
}

type History = { timestamp: Date; entry: string };
type Prompt = { userId: string; user: string; system?: string };
export class ReasoningAgent extends Agent<Env> {
  async callReasoningModel(prompt: Prompt) {
    const result = this.sql<History>`SELECT * FROM history WHERE user = ${prompt.userId} ORDER BY timestamp DESC LIMIT 1000`;
    const context = [];
    for (const row of result) {
      context.push(row.entry);
    }
    const systemPrompt = prompt.system || "You are a helpful assistant.";
    const userPrompt = `${prompt.user}\n\nUser history:\n${context.join("\n")}`;
    const response = await this.env.AI.run("@cf/meta/llama-3.1-8b-instruct", {
      messages: [
        { role: "system", content: systemPrompt },
        { role: "user", content: userPrompt }
      ]
    });
    this.sql`INSERT INTO history (timestamp, user, entry) VALUES (${new Date()}, ${prompt.userId}, ${String(response)})`;
  }
}

// Props are the third parameter, and what `onStart` gets.
export class PropsAgent extends Agent<Env, { n: number }, { userId: string }> {
  initialState = { n: 0 };
  async onStart(props?: { userId: string }) {
    expectTypeOf(props).toEqualTypeOf<{ userId: string } | undefined>();
  }
  @callable()
  read() {
    return this.state.n;
  }
}

// A class of one's own between the agents and `Agent`.
abstract class BaseAgent<State extends object> extends Agent<Env, State> {
  protected abstract title(): string;
  protected merge(part: Partial<State>) {
    this.setState({ ...this.state, ...part });
  }
}
export class DerivedAgent extends BaseAgent<{ a: number; b: string }> {
  initialState = { a: 1, b: "b" };
  protected title() {
    return `${this.state.a}${this.state.b}`;
  }
  grow() {
    this.merge({ a: 2 });
    // @ts-expect-error no such part
    this.merge({ c: 2 });
  }
}
