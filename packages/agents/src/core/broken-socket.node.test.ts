// What clients do that no WebSocket of a browser would, on the real runtime.
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { AgentClient } from "../client/agent-client";
import { realAgent } from "../client/real-agent.node";

let agent: Awaited<ReturnType<typeof realAgent>>;
beforeAll(async () => {
  agent = await realAgent();
}, 30_000);
afterAll(() => agent.stop());

/** A WebSocket of which the test writes every byte. */
async function rawSocket(path: string) {
  const [hostname, port] = agent.host.split(":");
  const socket = connect(Number(port), hostname!);
  onTestFinished(() => void socket.destroy());
  let received = "";
  const heard = async (text: string) => {
    while (!received.includes(text)) received += String((await once(socket, "data"))[0]);
  };
  const headers = ["Host: test", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  socket.write([`GET ${path} HTTP/1.1`, ...headers, `Sec-WebSocket-Key: ${btoa("x".repeat(16))}`, "", ""].join("\r\n"));
  await heard("cf_agent_mcp_servers");
  /** One frame, masked with zeros. */
  const frame = (opcode: number, payload: Buffer) =>
    socket.write(Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
  return { frame, heard, cut: () => void socket.destroy() };
}

type Raw = Awaited<ReturnType<typeof rawSocket>>;
const closeWith =
  (...payload: number[]) =>
  ({ frame }: Raw) =>
    void frame(8, Buffer.from(payload));
const closeCode = (code: number) => closeWith(code >> 8, code & 255);

it.each(["Counter", "Awake"])(
  "[C15] a connection of %s that ends in any way is told to onClose once, and its calls end",
  async (name) => {
    const observer = new AgentClient({ agent: name, host: agent.host });
    onTestFinished(() => observer.close());
    const ends: [end: (raw: Raw) => void, code: number][] = [
      [({ cut }) => cut(), 1006],
      [closeCode(4001), 4001],
      [closeWith(), 1005],
      // There are no such codes.
      [closeCode(1004), 1004],
      [closeCode(999), 999],
      [closeCode(5000), 5000],
      // A frame of an unknown kind, after which the runtime gives the socket up.
      [({ frame }) => void frame(3, Buffer.of()), 1006],
      [closeCode(1000), 1000]
    ];
    for (const [end, code] of ends) {
      const raw = await rawSocket(`/agents/${name}/default`);
      raw.frame(1, Buffer.from(JSON.stringify({ type: "rpc", id: "follow", method: "follow", args: [] })));
      await raw.heard("follow");
      const closed = observer.call<string[]>("nextClose");
      // The next call is answered: this one has arrived.
      expect(await observer.call<number>("connections")).toBe(2);
      end(raw);
      expect(await closed).toEqual(["aborted", `closed ${code}`]);
      expect(await observer.call<number>("connections")).toBe(1);
    }
  }
);
