import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const starter = join(root, "templates/starter");

const environment = {
  ...process.env,
  CI: "true",
  FORCE_COLOR: "0",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  // The model of whoever runs the tests is not the one that they are about.
  CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "false"
};

/** Runs a tool of the repository in the starter's folder, as its npm scripts do. Throws with its output if it fails. */
export function runTool(name: "vite" | "wrangler", ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [toolPath(name), ...args], {
    cwd: starter,
    env: environment,
    encoding: "utf8"
  });
  if (status !== 0) throw new Error(`${name} ${args.join(" ")} exited with ${status}:\n${stdout}${stderr}`);
  return stdout + stderr;
}

/** The starter on a port of its own, with storage of its own that outlives a restart. */
export class Server {
  readonly url: string;
  readonly port: number;
  readonly #command: "dev" | "preview";
  readonly #storage = mkdtempSync(join(tmpdir(), "agents-e2e-"));
  #process: ChildProcess | undefined;
  #output = "";

  private constructor(command: "dev" | "preview", port: number) {
    this.#command = command;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    servers.add(this);
  }

  /** Starts `vite dev`, or `vite preview` of what `vite build` has made. */
  static async start(command: "dev" | "preview" = "dev"): Promise<Server> {
    for (const name of ["agents", "ai-chat"]) {
      if (!existsSync(join(root, "packages", name, "dist/index.mjs"))) {
        throw new Error("The packages are not built: run `npm run build` first.");
      }
    }
    const server = new Server(command, await freePort());
    await server.start();
    return server;
  }

  /** Resolves when the Worker answers. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [toolPath("vite"), this.#command], {
      cwd: starter,
      env: { ...environment, PORT: String(this.port), PERSIST_TO: this.#storage },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own: Vite starts workerd, and both have to go.
      detached: true
    });
    this.#process = child;
    const keep = (text: Buffer) => (this.#output += text.toString());
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await eventually("the server answers", 60_000, async () => {
      if (hasExited(child)) throw new Error(`The server has exited:\n${this.#output}`);
      const response = await fetch(`${this.url}/agents/chat-agent/is-it-up/get-messages`).catch(() => undefined);
      return response?.ok;
    });
  }

  /** Ends it as Ctrl+C does, and removes its storage. */
  async stop(): Promise<void> {
    servers.delete(this);
    const child = this.#process;
    if (child && !hasExited(child)) {
      const exited = once(child, "exit");
      signalGroup(child, "SIGTERM");
      const patience = setTimeout(() => signalGroup(child, "SIGKILL"), 5000);
      await exited;
      clearTimeout(patience);
    }
    // Whatever its children still do.
    if (child) signalGroup(child, "SIGKILL");
    rmSync(this.#storage, { recursive: true, force: true, maxRetries: 5 });
  }

  /** `kill -9` of everything, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#process!;
    const exited = hasExited(child) ? undefined : once(child, "exit");
    signalGroup(child, "SIGKILL");
    await exited;
    await eventually("the processes are gone", 5000, () => !groupExists(child));
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** What a chat has stored. */
  async storedMessages(chat: string): Promise<StoredMessage[]> {
    const response = await fetch(`${this.url}/agents/chat-agent/${chat}/get-messages`);
    if (!response.ok) throw new Error(`get-messages answered with ${response.status}`);
    // What AIChatAgent stores.
    return (await response.json()) as StoredMessage[];
  }

  /** The last lines that it wrote. */
  get log(): string {
    return this.#output.split("\n").slice(-40).join("\n");
  }

  /** For when there is no time to wait. */
  killNow(): void {
    if (this.#process) signalGroup(this.#process, "SIGKILL");
    rmSync(this.#storage, { recursive: true, force: true });
  }
}

export interface StoredMessage {
  id: string;
  role: string;
  parts: { type: string; text?: string; state?: string; output?: unknown }[];
}

export const textOf = ({ parts }: StoredMessage): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("");

const servers = new Set<Server>();

// However the tests end, nothing keeps running.
process.on("exit", () => {
  for (const server of servers) server.killNow();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

function toolPath(name: "vite" | "wrangler"): string {
  return join(root, "node_modules", name, name === "vite" ? "bin/vite.js" : "bin/wrangler.js");
}

const hasExited = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // Nobody is left.
  }
}

function groupExists(child: ChildProcess): boolean {
  try {
    return process.kill(-child.pid!, 0);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
