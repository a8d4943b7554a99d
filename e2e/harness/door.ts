import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Stands before a server, and knows what it was asked. */
export class Door {
  readonly host: string;
  /** The JSON-RPC methods, in the order in which they came. */
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async before(host: string): Promise<Door> {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const door = new Door(server);
    server.on("request", (incoming, outgoing) => {
      const { method, url, headers } = incoming;
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const body = Buffer.concat(chunks);
        const [, asked] = /"method":"([^"]+)"/.exec(body.toString()) ?? [];
        if (asked) door.asked.push(asked);
        const inner = request(`http://${host}${url}`, { method, headers: { ...headers, host } }, (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(outgoing);
        });
        inner.on("error", () => outgoing.destroy());
        outgoing.on("close", () => inner.destroy());
        inner.end(body);
      });
    });
    return door;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
