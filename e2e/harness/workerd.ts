import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(new URL("../../node_modules/.bin/workerd", import.meta.url));
const startMs = 30_000;

const running = new Set<ChildProcess>();
// A runtime would outlive this process.
process.on("exit", () => running.forEach(killGroup));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

export interface WorkerdOptions {
  /** The Durable Objects, each with a binding of its name. */
  classes: readonly string[];
  /** The address of a server that the Worker has as `env.TEST`. */
  test?: string;
  /** The code of a Tail Worker, which has `env.TEST` too. */
  tail?: string;
  /** Texts that the Worker has in its `env`. */
  vars?: Readonly<Record<string, string>>;
  /** Lets the Worker reach servers on this machine by `fetch`. */
  reachesLoopback?: boolean;
  /** False for a runtime that has no `cloudflare:email`. */
  hasMail?: boolean;
}

/** A Worker on the real runtime, with databases of its own that outlive the process. */
export class Workerd {
  readonly folder = mkdtempSync(join(tmpdir(), "agents-workerd-"));
  readonly #options: WorkerdOptions;
  #code: string | undefined;
  #process: ChildProcess | undefined;
  #port = 0;
  #output = "";

  constructor(options: WorkerdOptions) {
    this.#options = options;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Starts the process, at the same address as before, and resolves when it listens. */
  async run(code: string | undefined = this.#code): Promise<void> {
    if (code === undefined) throw new Error("The first run needs the code of the Worker");
    this.#code = code;
    await mkdir(join(this.folder, "storage"), { recursive: true });
    await writeFile(join(this.folder, "worker.mjs"), code);
    if (this.#options.tail !== undefined) await writeFile(join(this.folder, "tail.mjs"), this.#options.tail);
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
    const { classes, test, tail, vars = {}, reachesLoopback, hasMail = true } = this.#options;
    const namespaces = classes.map((name) => `(className = "${name}", uniqueKey = "${name}", enableSql = true)`);
    const bindings = classes.map((name) => `(name = "${name}", durableObjectNamespace = "${name}")`);
    const services = [`(name = "main", worker = .main)`, `(name = "disk", disk = (path = "storage", writable = true))`];
    if (test !== undefined) {
      services.push(`(name = "test", external = (address = "${test}", http = ()))`);
      bindings.push(`(name = "TEST", service = "test")`);
    }
    if (tail !== undefined) services.push(`(name = "tail", worker = .tail)`);
    for (const [name, value] of Object.entries(vars)) bindings.push(`(name = "${name}", text = "${value}")`);
    if (reachesLoopback) services.push(`(name = "internet", network = (allow = ["local"]))`);
    return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(", ")}],
  sockets = [(name = "http", address = "127.0.0.1:${this.#port}", http = (), service = "main")],
${hasMail ? mailModule : ""});
const main :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-10-20",
  durableObjectNamespaces = [${namespaces.join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [${bindings.join(", ")}],${tail === undefined ? "" : `\n  tails = ["tail"],`}
);
${tail === undefined ? "" : tailWorker}`;
  }
}

// A module of the platform, which the runtime alone does not have.
const mailModule = `  extensions = [(modules = [
    (name = "cloudflare-internal:email", internal = true, esModule = "export default { EmailMessage: class {} };"),
  ])],
`;

const tailWorker = `const tail :Workerd.Worker = (
  modules = [(name = "tail.mjs", esModule = embed "tail.mjs")],
  compatibilityDate = "2026-10-20",
  bindings = [(name = "TEST", service = "test")],
);
`;

function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, "SIGKILL");
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
