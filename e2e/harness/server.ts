import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";

export const starter = fileURLToPath(new URL("../../templates/starter/", import.meta.url));
const vite = fileURLToPath(new URL("../../node_modules/vite/bin/vite.js", import.meta.url));

/** The starter, as `npm start` runs it, with databases of its own. */
export class Server {
  readonly url: string;
  readonly #port: number;
  readonly #data: string;
  readonly #command: "dev" | "preview";
  #process: ChildProcess | undefined;
  #output = "";

  private constructor(port: number, data: string, command: "dev" | "preview") {
    this.#port = port;
    this.#data = data;
    this.#command = command;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(command: "dev" | "preview" = "dev"): Promise<Server> {
    const server = new Server(await freePort(), await mkdtemp(join(tmpdir(), "agents-e2e-")), command);
    try {
      await server.run();
      return server;
    } catch (error) {
      // Nobody else could end it.
      await server.stop();
      throw error;
    }
  }

  /** Starts the process and resolves when it answers. */
  async run(): Promise<void> {
    // What the process before it said does not mean that this one listens.
    this.#output = "";
    const child = spawn(process.execPath, [vite, this.#command], {
      cwd: starter,
      env: { ...process.env, PORT: String(this.#port), PERSIST_TO: this.#data, NO_COLOR: "1" },
      // A group of its own: the runtime is a child of the server, and has to end with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"]
    });
    this.#process = child;
    child.stdout?.on("data", (text: Buffer) => (this.#output += text.toString()));
    child.stderr?.on("data", (text: Buffer) => (this.#output += text.toString()));
    await this.#ready(child);
    // The first request compiles the Worker.
    await fetch(`${this.url}/agents/chat-agent/warm-up/get-messages`);
  }

  /** Kills the server and the runtime at once, in the middle of whatever they do. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#data, { recursive: true, force: true });
  }

  async #ready(child: ChildProcess): Promise<void> {
    const failed = once(child, "exit").then(() => {
      throw new Error(`The server ended before it was ready:\n${this.#output}`);
    });
    failed.catch(() => undefined);
    const listening = new Promise<void>((resolve) => {
      const look = () => {
        if (this.#output.includes(`127.0.0.1:${this.#port}`)) resolve();
      };
      child.stdout?.on("data", look);
    });
    await Promise.race([listening, failed]);
  }
}
