import { installCapability, type CapabilityKit } from "../capability";
import { fault } from "./fault";
import { Agent, callable, getCurrentAgent, type Connection, type WSMessage } from "../index";

const turnOfTheLoop = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** An agent that ends itself wherever it is told to. */
export class Mortal extends Agent<Cloudflare.Env, { n: number }, { die?: boolean }> {
  static override options = { retry: { maxAttempts: 5, baseDelayMs: 40 } };
  static readonly built: (string | undefined)[] = [];
  static starts = 0;
  static finished = 0;
  override initialState = { n: 0 };
  readonly errors: string[] = [];
  #bell: CapabilityKit | undefined;
  #ringAtMs: number | undefined;
  #onRing: "die" | "dieAndGoOn" = "die";

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    Mortal.built.push(ctx.id.name);
    // The runtime logs why an instance was aborted, except for one reason.
    const abort = ctx.abort.bind(ctx);
    Object.defineProperty(ctx, "abort", { value: () => abort(fault.reason) });
    installCapability(this, "bell", (kit) => {
      this.#bell = kit;
      return { name: "bell", nextWake: () => this.#ringAtMs, onWake: async () => void (await this[this.#onRing]()) };
    });
  }

  override async onStart(props?: { die?: boolean }) {
    Mortal.starts++;
    this.sql`CREATE TABLE IF NOT EXISTS notes (text)`;
    if (props?.die) await this.destroy();
  }
  override async onRequest(request: Request) {
    if (request.url.endsWith("/die")) await this.destroy();
    return new Response("answered");
  }
  override async onMessage(connection: Connection, message: WSMessage) {
    if (message === "die") await this.destroy();
    // To a connection that is closed already.
    connection.send("still here");
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
  }

  /** Has something in every place that there is. */
  live(n: number) {
    this.setState({ n });
    this.sql`INSERT INTO notes VALUES (${`note ${n}`})`;
    this.ctx.storage.kv.put("mine", n);
    this.#ringAtMs = Date.now() + 3_600_000;
    this.#bell?.changed();
  }
  get n() {
    return this.state.n;
  }

  async die() {
    await this.destroy();
    return "gone";
  }
  async dieTwice() {
    const first = this.destroy();
    await Promise.all([first, this.destroy()]);
    return "gone";
  }
  /** As a callback with more to do: what it writes later must not be there when somebody comes again. */
  async dieAndGoOn() {
    await this.destroy();
    for (let turn = 0; turn < 5; turn++) await turnOfTheLoop();
    this.live(99);
    await this.ctx.storage.put("late", true);
    Mortal.finished++;
  }
  /** A loop that nobody waits for, and that never ends. */
  async dieBesideALoop() {
    const write = async () => {
      for (let n = 0; ; n++) {
        this.live(n);
        await turnOfTheLoop();
      }
    };
    void write();
    await this.destroy();
  }
  dieWhenItRings(atMs: number, how: "die" | "dieAndGoOn") {
    this.#onRing = how;
    this.#ringAtMs = atMs;
    this.#bell?.changed();
  }

  /** A callback that is not over before it is let go. */
  async linger() {
    const released = new Promise<void>((resolve) => (this.release = resolve));
    await this.destroy();
    await released;
    this.setState({ n: 5 });
    this.broadcast("anybody?");
    this.errors.push(`wrote ${this.n}`);
  }
  release = () => {};

  async tryThrice() {
    const inside: boolean[] = [];
    const result = await this.retry(async (attempt) => {
      inside.push(getCurrentAgent().agent === this);
      if (attempt === 1) throw undefined;
      if (attempt === 2) throw "text";
      return "done";
    });
    return [inside, result] as const;
  }

  @callable()
  async end() {
    await this.destroy();
    return "gone";
  }

  /** Two that stay, and one that does not. */
  async stayAwake() {
    const [first, second] = [await this.keepAlive(), await this.keepAlive()];
    second();
    second();
    this.release = first;
    return this.whyAwake();
  }
  rest() {
    this.release();
    return this.whyAwake();
  }
  async during(fails: boolean) {
    let inside;
    const work = this.keepAliveWhile(async () => {
      inside = this.whyAwake().holds.length;
      await turnOfTheLoop();
      if (fails) throw new Error("failed inside");
      return "done";
    });
    const result = await work.catch(String);
    return { inside, result, after: this.whyAwake() };
  }
}
