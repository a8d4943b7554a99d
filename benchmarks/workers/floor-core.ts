// The floor for core.ts.
import { FloorObject, route } from "./floor.ts";
import { changeOne, entries, smallState, type LargeState, type SmallState } from "./shared.ts";

interface Env {
  BenchAgent: DurableObjectNamespace<BenchAgent>;
}

type State = SmallState | LargeState;

export class BenchAgent extends FloorObject {
  protected override agent = "bench-agent";
  #state: State;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql.exec("CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, json TEXT)");
    const [row] = this.sql.exec<{ json: string }>("SELECT json FROM state WHERE id = 1").toArray();
    if (row) this.#state = JSON.parse(row.json) as State;
    else this.#setState((this.#state = smallState(0)));
  }

  echo(value: unknown): unknown {
    return value;
  }

  setSmall(rev: number): number {
    this.#setState(smallState(rev));
    return rev;
  }

  setLarge(rev: number): number {
    this.#setState({ rev, items: "items" in this.#state ? changeOne(this.#state.items, rev) : entries(rev) });
    return rev;
  }

  setEntry(rev: number): number {
    this.#setState({ items: "items" in this.#state ? changeOne(this.#state.items, rev) : entries(rev) });
    return rev;
  }

  protected override greet(socket: WebSocket): void {
    socket.send(stateFrame(JSON.stringify(this.#state)));
  }

  #setState(state: State): void {
    this.#state = state;
    const json = JSON.stringify(state);
    this.sql.exec("INSERT OR REPLACE INTO state (id, json) VALUES (1, ?)", json);
    this.broadcast(stateFrame(json));
  }
}

const stateFrame = (json: string) => `{"type":"cf_agent_state","state":${json}}`;

export default {
  fetch: (request, env) => route(env.BenchAgent, request)
} satisfies ExportedHandler<Env>;
