import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A line to a server on this machine that can go dead without a word: bytes get lost, and neither end hears of it. */
export async function lossyProxy(host: string): Promise<LossyProxy> {
  const [hostname, port] = host.split(":");
  const sockets = new Set<Socket>();
  /** Those whose bytes are lost. */
  const dead = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname!);
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => {
        if (!dead.has(from)) to.write(bytes);
      });
      from.on("error", () => {});
      from.on("close", () => {
        if (!dead.has(from)) to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    swallow() {
      for (const socket of sockets) dead.add(socket);
    }
  };
}

export interface LossyProxy {
  host: string;
  /** Loses all that comes on the connections there are. New ones work. */
  swallow(): void;
}
