import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";

/** A network between a browser and a server, which can break while both go on. */
export class Network {
  readonly url: string;
  readonly #listener: TcpServer;
  readonly #sockets = new Set<Socket>();
  #isUp = true;

  private constructor(listener: TcpServer, targetPort: number) {
    this.#listener = listener;
    this.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    listener.on("connection", (near) => {
      if (!this.#isUp) return void near.resetAndDestroy();
      const far = connect(targetPort, "127.0.0.1");
      this.#sockets.add(near);
      near.pipe(far).pipe(near);
      const end = () => {
        near.destroy();
        far.destroy();
        this.#sockets.delete(near);
      };
      for (const socket of [near, far]) socket.on("error", end).on("close", end);
    });
  }

  static async before({ port }: { port: number }): Promise<Network> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new Network(listener, port);
  }

  /** Breaks every connection, and lets no new one through. */
  cut(): void {
    this.#isUp = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  restore(): void {
    this.#isUp = true;
  }

  async close(): Promise<void> {
    this.cut();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}
