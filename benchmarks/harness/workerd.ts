// A Worker on a workerd of its own: starting it, and what its process uses.
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Bundle } from "./build.ts";
import { scratch } from "./paths.ts";

export interface ServeOptions {
  /** The Durable Object's class, and the name of its binding. */
  className: string;
  /** Where objects are stored. A new folder by default; a later start may use it again. */
  storage?: string;
  /** Never evict an idle object. */
  keep?: boolean;
  /** Open V8's inspector. */
  inspect?: boolean;
}

// The package has no types.
const runtime = createRequire(import.meta.url)("workerd") as { default: string; version: string };
export const workerdVersion = runtime.version;

const compatibilityDate = "2026-10-20";
const stopTimeoutMs = 5000;
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

/** One running Worker. The load goes straight to its socket: nothing is in between. */
export class Workerd {
  readonly url: string;
  /** Where the inspector answers, if it was asked for. */
  readonly inspectorUrl: string | undefined;
  /** Where its objects are stored. */
  readonly storage: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess, exited: Promise<void>, ports: Map<string, number>, storage: string) {
    this.#child = child;
    this.#exited = exited;
    this.url = `http://127.0.0.1:${ports.get("http")}`;
    const inspector = ports.get("inspector");
    this.inspectorUrl = inspector === undefined ? undefined : `http://127.0.0.1:${inspector}`;
    this.storage = storage;
  }

  /** Starts a Worker; resolves when it listens. */
  static async start(bundle: Bundle, options: ServeOptions): Promise<Workerd> {
    const folder = scratch("workerd");
    const { storage = join(folder, "storage"), inspect = false } = options;
    mkdirSync(folder);
    mkdirSync(storage, { recursive: true });
    writeFileSync(join(folder, "worker.mjs"), bundle.code);
    writeFileSync(join(folder, "config.capnp"), configOf({ ...options, storage }));
    const log = openSync(join(folder, "log"), "a");
    const inspectorArguments = inspect ? ["--inspector-addr=127.0.0.1:0"] : [];
    const child = spawn(runtime.default, ["serve", "--control-fd=3", ...inspectorArguments, "config.capnp"], {
      cwd: folder,
      stdio: ["ignore", log, log, "pipe"]
    });
    closeSync(log);
    running.add(child);
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    void exited.then(() => running.delete(child));
    const ports = await Promise.race([readPorts(child.stdio[3] as Readable, inspect), exited]);
    if (!ports) throw new Error(`workerd exited:\n${readFileSync(join(folder, "log"), "utf8").slice(-2000)}`);
    return new Workerd(child, exited, ports, storage);
  }

  /** CPU time that the process has used, all threads, in microseconds. */
  cpuMicros(): number {
    const tasks = `/proc/${this.#child.pid}/task`;
    let nanoseconds = 0;
    for (const task of readdirSync(tasks)) {
      try {
        nanoseconds += Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]);
      } catch {
        // The thread has ended meanwhile.
      }
    }
    return nanoseconds / 1000;
  }

  /** Memory of the process that no file backs, in KiB: without the storage, which may be in a file system in memory. */
  memoryKiB(): number {
    return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, "utf8"))?.[1]);
  }

  /** The body of the answer to a request. Throws when it is not a success. */
  async text(path: string): Promise<string> {
    const response = await fetch(new URL(path, this.url));
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  }

  /** Lets the process end; what hangs is killed. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopTimeoutMs);
    await this.#exited;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }
}

/** The ports that workerd chose, as it reports them one a line. */
async function readPorts(control: Readable, inspect: boolean): Promise<Map<string, number> | undefined> {
  const ports = new Map<string, number>();
  for await (const line of createInterface({ input: control })) {
    const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port: number };
    ports.set(event === "listen-inspector" ? "inspector" : (socket ?? event), port);
    if (ports.has("http") && (!inspect || ports.has("inspector"))) return ports;
  }
  return undefined;
}

const configOf = ({ className, storage, keep = false }: ServeOptions & { storage: string }) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "disk", disk = (path = "${storage}", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
  # Where Wrangler hosts a Worker, this module is there; "cloudflare:email" imports it.
  extensions = [(modules = [
    (name = "cloudflare-internal:email", internal = true, esModule = "export default { EmailMessage: class {} };"),
  ])],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "${compatibilityDate}",
  durableObjectNamespaces = [
    (className = "${className}", uniqueKey = "bench", enableSql = true, preventEviction = ${keep}),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [(name = "${className}", durableObjectNamespace = "${className}")],
);
`;
