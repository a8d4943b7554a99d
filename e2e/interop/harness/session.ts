import type * as ours from "agents/client";
import { Log } from "./log.ts";

/** Published clients have the interface of ours, as far as scenarios use it. */
export type ClientModule = Pick<typeof ours, "AgentClient" | "agentFetch">;

// The state and the methods of the fixture's agents.
// oxlint-disable-next-line typescript/no-explicit-any
export type SessionOptions = ours.AgentClientOptions<any> & { name: string };

/** A client, and everything that it is told. */
export class Session {
  readonly client: InstanceType<ClientModule["AgentClient"]>;
  readonly name: string;
  readonly states = new Log<{ state: unknown; source: string }>("states");
  readonly stateErrors = new Log<string>("errors of states");
  readonly identities = new Log<{ name: string; agent: string }>("identities");
  readonly opens = new Log<Event>("connections");
  readonly closes = new Log<{ code: number; reason: string }>("closes");
  /** Messages of the program; frames of the protocol are not among them. */
  readonly messages = new Log<unknown>("messages");
  /** Types of the frames of the protocol. */
  readonly frames = new Log<string>("frames");

  constructor(AgentClient: ClientModule["AgentClient"], options: SessionOptions) {
    this.name = options.name;
    this.client = new AgentClient({
      ...options,
      onStateUpdate: (state: unknown, source: string) => this.states.add({ state, source }),
      onStateUpdateError: (error: string) => this.stateErrors.add(error),
      onIdentity: (name: string, agent: string) => this.identities.add({ name, agent })
    });
    this.client.binaryType = "arraybuffer";
    this.client.addEventListener("open", (event) => this.opens.add(event));
    this.client.addEventListener("close", ({ code, reason }) => this.closes.add({ code, reason }));
    this.client.addEventListener("message", ({ data }: { data: unknown }) => {
      const type = typeof data === "string" ? /^\{.*"type":"(rpc|cf_\w+)"/.exec(data)?.[1] : undefined;
      if (type) this.frames.add(type);
      else this.messages.add(data);
    });
  }

  // The methods are the fixture's, whose class is not a client's to import.
  // oxlint-disable-next-line typescript/no-explicit-any
  call<Result = any>(method: string, args: unknown[] = [], options?: object): Promise<Result> {
    const result = this.client.call<Result>(method as never, args, options as never) as Promise<Result>;
    // Not everybody waits for every answer.
    result.catch(() => {});
    return result;
  }

  /** Waits until the state is `state`, whoever set it. */
  async sees(state: { n: number }): Promise<void> {
    await this.states.first((update) => JSON.stringify(update.state) === JSON.stringify(state));
  }

  /** Everything that the server said before this has arrived. */
  async settled(): Promise<void> {
    await this.call("add", [0, 0]);
  }
}
