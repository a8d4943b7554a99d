import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";

/** An application with a page, and an address whose first request has the Worker compiled. */
interface App {
  folder: string;
  warmUp: string;
}

const folder = (path: string) => fileURLToPath(new URL(`../../${path}/`, import.meta.url));

export const starter = folder("templates/starter");
const starterApp: App = { folder: starter, warmUp: "/agents/chat-agent/warm-up/get-messages" };

/** The example with a page for MCP servers. */
export const toolboxApp: App = { folder: folder("examples/mcp-client"), warmUp: "/agents/toolbox/warm-up" };

const vite = fileURLToPath(new URL("../../node_modules/vite/bin/vite.js", import.meta.url));

/** An application, as `npm start` runs it, with databases of its own. The starter, unless another is named. */
export class Server {
  readonly url: string;
  readonly #port: number;
  readonly #data: string;
  readonly #command: "dev" | "preview";
  readonly #app: App;
  #process: ChildProcess | undefined;
  #output = "";

  private constructor(port: number, data: string, command: "dev" | "preview", app: App) {
    this.#app = app;
    this.#port = port;
    this.#data = data;
    this.#command = command;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(command: "dev" | "preview" = "dev", app: App = starterApp): Promise<Server> {
    const server = new Server(await freePort(), await mkdtemp(join(tmpdir(), "agents-e2e-")), command, app);
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
      cwd: this.#app.folder,
      env: { ...process.env, PORT: String(this.#port), PERSIST_TO: this.#data, NO_COLOR: "1" },
      // A group of its own: the runtime is a child of the server, and has to end with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"]
    });
    this.#process = child;
    child.stdout?.on("data", (text: Buffer) => (this.#output += text.toString()));
    child.stderr?.on("data", (text: Buffer) => (this.#output += text.toString()));
    await this.#ready(child);
    await fetch(`${this.url}${this.#app.warmUp}`);
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
