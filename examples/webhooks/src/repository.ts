import { Agent, callable } from "agents";
import type { RepositoryEvent, RepositoryState } from "./events";
import { eventOf, repositoryOf, type Delivery } from "./github";

const kept = 100;
const shown = 10;

/** One repository: what has happened in it, and everybody who watches it. */
export class Repository extends Agent<Env, RepositoryState> {
  override initialState: RepositoryState = { fullName: null, stars: 0, total: 0, latest: [] };

  override onStart() {
    this.sql`CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, type TEXT, actor TEXT, title TEXT, url TEXT, receivedAt INTEGER)`;
  }

  /** Who looks at the page may watch, and that is all. */
  override shouldConnectionBeReadonly() {
    return true;
  }

  /**
   * Takes a delivery. The Worker calls this when it has verified the signature; no client can, as it has no `@callable()`.
   * GitHub waits for ten seconds and may deliver again, so the work is queued, and once.
   */
  async deliver(delivery: Delivery): Promise<"accepted" | "known"> {
    const [known] = this.sql`SELECT 1 FROM deliveries WHERE id = ${delivery.id}`;
    if (known) return "known";
    const { id, type, actor, title, url, receivedAt } = eventOf(delivery, Date.now());
    this.sql`INSERT INTO deliveries VALUES (${id}, ${type}, ${actor}, ${title}, ${url}, ${receivedAt})`;
    await this.queue("show", delivery.payload);
    return "accepted";
  }

  /** Runs after GitHub has its answer. */
  show(payload: Delivery["payload"]) {
    const stars = payload.repository?.stargazers_count;
    this.sql`DELETE FROM deliveries WHERE id NOT IN (SELECT id FROM deliveries ORDER BY receivedAt DESC, rowid DESC LIMIT ${kept})`;
    this.setState({
      fullName: repositoryOf(payload) ?? this.state.fullName,
      stars: typeof stars === "number" ? stars : this.state.stars,
      total: this.state.total + 1,
      latest: this.getEvents(shown)
    });
  }

  /** The latest events first. */
  @callable()
  getEvents(limit = kept): RepositoryEvent[] {
    return this.sql<RepositoryEvent>`SELECT * FROM deliveries ORDER BY receivedAt DESC, rowid DESC LIMIT ${Math.min(limit, kept)}`;
  }
}

export interface Env {
  Repository: DurableObjectNamespace<Repository>;
  GITHUB_WEBHOOK_SECRET: string;
}
