import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { getAgentByName } from "../../core/route";

/** What the names of objects begin with that are reached by RPC. */
export const RPC_DO_PREFIX = "rpc:";

/** Takes what belongs to a request while it is being answered: progress, log messages, questions. */
export type Deliver = (message: JSONRPCMessage) => void | Promise<void>;

export type Messages = JSONRPCMessage | JSONRPCMessage[];

/** Where the server is, and who says that he is calling. */
export interface RPCClientTransportOptions<Props = Record<string, unknown>> {
  /** The binding of the `McpAgent`. */
  // Any class: its stub has the method that is called.
  // oxlint-disable-next-line typescript/no-explicit-any
  namespace: DurableObjectNamespace<any>;
  /** Which instance: it is called `rpc:{name}`. */
  name: string;
  /** The props of the server, in place of those that an OAuth provider would give it. */
  props?: Props;
}

interface RpcServer {
  handleMcpMessage(message: Messages, deliver?: Deliver, props?: unknown): Promise<Messages | undefined>;
}

/**
 * The client's end: connects a client of the SDK with an `McpAgent` in the same Worker (or one that it is bound to), without HTTP.
 *
 * @example
 * const client = new Client({ name: "agent", version: "1.0.0" });
 * await client.connect(new RPCClientTransport({ namespace: env.MyMCP, name: "shared", props: { userId: "u1" } }));
 */
export class RPCClientTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  sessionId?: string;
  readonly #options: RPCClientTransportOptions;
  #isOpen = false;

  constructor(options: RPCClientTransportOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#isOpen) throw new Error("This transport was started already");
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.onclose?.();
  }

  async send(message: Messages): Promise<void> {
    if (!this.#isOpen) throw new Error("This transport is not started, or is closed");
    const { namespace, name, props } = this.#options;
    // Its class is not known here, and every `McpAgent` has this method.
    const stub = (await getAgentByName<undefined>(namespace, `${RPC_DO_PREFIX}${name}`)) as unknown as RpcServer;
    const answering = stub.handleMcpMessage(message, (told) => this.#receive(told), props);
    const received = answering.then((answer) => {
      for (const one of answer === undefined ? [] : [answer].flat()) this.#receive(one);
    });
    // Like HTTP: what a request is answered with comes by itself, and what cannot be sent is an error of the sender.
    await received;
  }

  #receive(message: JSONRPCMessage): void {
    if (this.#isOpen) this.onmessage?.(message);
  }
}
