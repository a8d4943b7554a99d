import { AsyncLocalStorage } from "node:async_hooks";
import { Agent, callable, getCurrentAgent } from "../index";

/** What a program carries along by itself. */
const ambient = new AsyncLocalStorage<string>();

type Found = { after: string; agent?: string; connection?: string; signal: string };

/** Its calls are over when they return, and leave work behind that looks around later. */
export class Hasty extends Agent {
  readonly found: Found[] = [];
  #waiting: (() => void)[] = [];

  #look(after: string): Found {
    const { agent, connection, signal } = getCurrentAgent();
    const found: Found = { after, signal: signal ? (signal.aborted ? "aborted" : "open") : "none" };
    if (agent) found.agent = agent.name;
    if (connection) found.connection = connection.id;
    return found;
  }
  async #lookLater(after: string): Promise<Found> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const found = this.#look(after);
    this.found.push(found);
    return found;
  }

  @callable()
  leave(after: string): Found {
    void this.#lookLater(after);
    return this.#look(after);
  }
  /** Mostly over when it returns. */
  @callable()
  sometimes(after: string, waits = false): Found | Promise<Found> {
    const later = this.#lookLater(after);
    return waits ? later : this.#look(after);
  }
  @callable()
  ambient(): string {
    return ambient.getStore() ?? "nothing";
  }
  @callable()
  mayFail(fails: boolean): string {
    const told = `for ${getCurrentAgent().connection?.id}`;
    if (fails) throw new Error(`failed ${told}`);
    return `done ${told}`;
  }
  override onError(): void {}
  /** What a request carries along is none of what its socket brings later. */
  override fetch(request: Request): Promise<Response> {
    return ambient.run("a request's", () => super.fetch(request));
  }
  #closed = Promise.withResolvers<void>();
  override onClose(): void {
    this.#closed.resolve();
  }
  @callable()
  async closed(): Promise<void> {
    await this.#closed.promise;
  }
  /** Ends all waiting. What was found meanwhile, in the order in which it was begun. */
  @callable()
  async release(): Promise<Found[]> {
    for (const resolve of this.#waiting.splice(0)) resolve();
    await null;
    return this.found.splice(0);
  }
}

/** Brings something of its own along with each message. */
export class HastyWrapped extends Hasty {
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void | Promise<void> {
    return ambient.run("mine", () => super.webSocketMessage(socket, message));
  }
}

/** The same, from outside, as tools do that watch a program. */
export class HastyWatched extends Hasty {
  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    const receive = this.webSocketMessage.bind(this);
    this.webSocketMessage = (...event) => ambient.run("mine", () => receive(...event));
  }
}

/** Its sockets are in memory. */
export class HastyAwake extends Hasty {
  static override options = { hibernate: false };
}
