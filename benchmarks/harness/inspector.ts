// V8's inspector in workerd, for profiles and heap sizes.
import WebSocket from "ws";
import type { Workerd } from "./workerd.ts";

interface Answer {
  id: number;
  result: unknown;
  error?: { message: string };
}

export class Inspector {
  readonly #server: Workerd;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #nextId = 0;

  /** Connects to a server that was started with `inspect`. */
  static async open(server: Workerd): Promise<Inspector> {
    const [target] = (await (await fetch(`${server.inspectorUrl}/json`)).json()) as [{ webSocketDebuggerUrl: string }];
    const socket = new WebSocket(target.webSocketDebuggerUrl, { maxPayload: 2 ** 30 });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return new Inspector(server, socket);
  }

  private constructor(server: Workerd, socket: WebSocket) {
    this.#server = server;
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const { id, result, error } = JSON.parse(data.toString()) as Answer;
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) pending?.reject(new Error(error.message));
      else pending?.resolve(result);
    });
  }

  send<Result = unknown>(method: string, params: object = {}): Promise<Result> {
    const id = ++this.#nextId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** JavaScript heap in use after a full collection, in bytes. */
  async heapUsed(): Promise<number> {
    await this.send("HeapProfiler.enable");
    // The collection waits for the isolate to run: it gets requests until it has.
    let collected = false;
    const collection = this.send("HeapProfiler.collectGarbage").then(() => (collected = true));
    while (!collected) {
      await (await fetch(this.#server.url)).arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await collection;
    return (await this.send<{ usedSize: number }>("Runtime.getHeapUsage")).usedSize;
  }

  close(): void {
    this.#socket.close();
  }
}
