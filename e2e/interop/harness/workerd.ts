import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { bundleWorker } from "./bundle.ts";
import type { Implementation } from "./versions.ts";

const binary = fileURLToPath(new URL("../../../node_modules/.bin/workerd", import.meta.url));
const classes = ["Counter", "AIAssistant", "Hidden", "Chat"];
const startMs = 30_000;

const running = new Set<ChildProcess>();
// A runtime would outlive this process.
process.on("exit", () => running.forEach(killGroup));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/** The fixture's Worker on the real runtime, with databases of its own that outlive the process. */
export class Server {
  readonly folder: string;
  #worker: Implementation;
  #process: ChildProcess | undefined;
  #port = 0;
  #output = "";

  private constructor(worker: Implementation, folder: string) {
    this.#worker = worker;
    this.folder = folder;
  }

  static async start(worker: Implementation): Promise<Server> {
    const server = new Server(worker, await mkdtemp(join(tmpdir(), "agents-interop-")));
    await mkdir(join(server.folder, "storage"));
    await server.run();
    return server;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Kills the runtime, and starts it again on the same databases with the packages of an implementation. */
  async become(worker: Implementation): Promise<void> {
    await this.kill();
    this.#worker = worker;
    await this.run();
  }

  /** Starts the process, at the same address as before, and resolves when it listens. */
  async run(): Promise<void> {
    await writeFile(join(this.folder, "worker.mjs"), await workerCode(this.#worker));
    await writeFile(join(this.folder, "config.capnp"), this.#config());
    const child = spawn(binary, ["serve", "--control-fd=3", "config.capnp"], {
      cwd: this.folder,
      // A group of its own: the binary may be started by a script, and has to end with it.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"]
    });
    this.#process = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (text: Buffer) => (this.#output += text));
    this.#port = await listening(child, () => this.#output);
  }

  /** Kills the runtime in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || !running.has(child)) return;
    const exited = once(child, "exit");
    killGroup(child);
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  #config(): string {
    const namespaces = classes.map((name) => `(className = "${name}", uniqueKey = "${name}", enableSql = true)`);
    const bindings = classes.map((name) => `(name = "${name}", durableObjectNamespace = "${name}")`);
    return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "disk", disk = (path = "storage", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${this.#port}", http = (), service = "main")],
  # A module of the platform, which the runtime alone does not have.
  extensions = [(modules = [
    (name = "cloudflare-internal:email", internal = true, esModule = "export default { EmailMessage: class {} };"),
  ])],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-10-20",
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [${bindings.join(", ")}],
);
`;
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, "SIGKILL");
}

const codes = new Map<Implementation, Promise<string>>();

function workerCode(worker: Implementation): Promise<string> {
  if (!codes.has(worker)) codes.set(worker, bundleWorker(worker));
  return codes.get(worker)!;
}

/** @returns the port, when the runtime says that it listens */
async function listening(child: ChildProcess, output: () => string): Promise<number> {
  const signal = AbortSignal.timeout(startMs);
  const ended = once(child, "exit", { signal }).then(() => {
    throw new Error(`The runtime ended before it was ready:\n${output()}`);
  });
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdio[3] as Readable });
  const port = new Promise<number>((resolve) => {
    lines.on("line", (line) => {
      const { event, port: at } = JSON.parse(line) as { event: string; port: number };
      if (event === "listen") resolve(at);
    });
  });
  return Promise.race([port, ended]);
}
