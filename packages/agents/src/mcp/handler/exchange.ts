import type { JSONRPCResponse, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { sessionUnknown } from "../http/refusal";
import { malformed, responseText } from "../http/public-response";
import type { MessageStream } from "./message-stream";

/** The requests of one POST and their answers: as a stream, or as JSON when all are there. */
export class Exchange {
  /** Where the answers go, and what is said meanwhile; with none they are collected. */
  readonly stream: MessageStream | undefined;
  /** Resolves when nothing is open any more. */
  readonly ended: Promise<void>;
  // The ids of the client, by those that the server has got instead: two clients may have the same.
  readonly #idsOfClient = new Map<RequestId, RequestId>();
  // As JSON.
  readonly #answers: string[] = [];
  #end!: () => void;
  #abandoned = false;

  constructor(stream: MessageStream | undefined) {
    this.stream = stream;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  add(idOfServer: RequestId, idOfClient: RequestId): void {
    this.#idsOfClient.set(idOfServer, idOfClient);
  }

  /** Whether the request that the server knows by this id has this one for the client. */
  has(idOfServer: RequestId, idOfClient: unknown): boolean {
    return this.#idsOfClient.get(idOfServer) === idOfClient;
  }

  async answer(response: JSONRPCResponse, idOfServer: RequestId): Promise<void> {
    const message: JSONRPCResponse = { ...response, id: this.#idsOfClient.get(idOfServer)! };
    try {
      if (this.stream) await this.stream.send(message).catch((error) => this.stream!.send(malformed(message, error)));
      else this.#answers.push(responseText(message));
    } finally {
      await this.close(idOfServer);
    }
  }

  /** Nobody waits for this request any more. */
  async close(idOfServer: RequestId): Promise<void> {
    this.#idsOfClient.delete(idOfServer);
    if (this.#idsOfClient.size > 0) return;
    await this.stream?.end();
    this.#end();
  }

  /** There will be no more answers. */
  abandon(): void {
    this.#abandoned = true;
    this.#idsOfClient.clear();
    void this.stream?.end();
    this.#end();
  }

  /** All answers, when they are there. */
  async toJson(isBatch: boolean): Promise<Response> {
    await this.ended;
    if (this.#abandoned) throw sessionUnknown();
    // The client has cancelled all it had asked for.
    if (this.#answers.length === 0) return new Response(null, { status: 202 });
    const body = isBatch ? `[${this.#answers.join(",")}]` : this.#answers[0]!;
    return new Response(body, { headers: { "Content-Type": "application/json" } });
  }
}
