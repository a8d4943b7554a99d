import { build } from "esbuild";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("..", import.meta.url));
const workerd = join(source, "../../../node_modules/.bin", "workerd");

const worker = `
import { Agent, callable, routeAgentRequest } from "./index";

export class Counter extends Agent {
  initialState = { count: 0 };
  heard = [];
  onMessage(connection, message) {
    this.heard.push(message);
  }
  @callable() add(n) {
    this.setState({ count: this.state.count + n });
    return this.state.count;
  }
  @callable() messages() {
    return this.heard;
  }
  @callable() connections() {
    return this.getConnections().length;
  }
  onError() {}
  ended = [];
  waiting = [];
  onClose(_connection, code) {
    for (const resolve of this.waiting.splice(0)) resolve([...this.ended.splice(0), "closed " + code]);
  }
  /** What happens until the next connection is closed. */
  @callable() nextClose() {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
  @callable({ streaming: true }) async follow(stream) {
    stream.signal.addEventListener("abort", () => this.ended.push("aborted"));
    await stream.send(1);
    await new Promise(() => {});
  }
}

export class Awake extends Counter {
  static options = { hibernate: false };
}

export default {
  fetch: async (request, env) => (await routeAgentRequest(request, env)) ?? new Response("", { status: 404 })
};`;

/** A Worker with agents. */
export interface RealProgram {
  /** Its module. */
  worker: string;
  classNames: readonly string[];
  /** From where it imports. */
  folder: string;
  /** Packages whose source is taken. */
  alias?: Record<string, string>;
}

const counter: RealProgram = { worker, classNames: ["Counter", "Awake"], folder: source };

const list = (names: readonly string[], fields: (name: string) => string) =>
  names.map((name) => `(${fields(name)})`).join(", ");

const config = (names: readonly string[]) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "disk", disk = (path = "storage", writable = true))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
  # A module of the platform, which the runtime alone does not have.
  extensions = [(modules = [
    (name = "cloudflare-internal:email", internal = true, esModule = "export default { EmailMessage: class {} };"),
  ])],
);
const main :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-10-20",
  durableObjectNamespaces = [${list(names, (name) => `className = "${name}", uniqueKey = "${name}", enableSql = true`)}],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [${list(names, (name) => `name = "${name}", durableObjectNamespace = "${name}"`)}],
);
`;

/** Our own agent, in a process of the real runtime. */
export async function realAgent({
  worker: contents,
  classNames,
  folder: resolveDir,
  alias = {}
}: RealProgram = counter): Promise<{ host: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "agents-line-"));
  const stdin = { contents, resolveDir, loader: "ts" } as const;
  const external = ["cloudflare:*", "node:*"];
  const output = { format: "esm", target: "es2022", outfile: join(folder, "worker.mjs") } as const;
  await build({ stdin, external, alias, bundle: true, logLevel: "silent", ...output });
  await writeFile(join(folder, "config.capnp"), config(classNames));
  await mkdir(join(folder, "storage"));
  // A group of its own: the binary is started by a script, and has to end with it.
  const stdio = ["ignore", "ignore", "pipe", "pipe"] as const;
  const child = spawn(workerd, ["serve", "--control-fd=3", "config.capnp"], {
    cwd: folder,
    detached: true,
    stdio: [...stdio]
  });
  let errors = "";
  child.stderr?.on("data", (text: Buffer) => (errors += text.toString()));
  const ended = once(child, "exit");
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  // It would outlive a run that is broken off.
  process.once("exit", kill);
  const stop = async () => {
    process.off("exit", kill);
    kill();
    await ended;
    await rm(folder, { recursive: true });
  };
  const port = await Promise.race([listening(child.stdio[3] as Readable), ended.then(() => undefined)]);
  if (port === undefined) throw new Error(`The runtime ended before it was ready:\n${errors}`);
  return { host: `127.0.0.1:${port}`, stop };
}

async function listening(control: Readable): Promise<number | undefined> {
  for await (const line of createInterface({ input: control })) {
    const { event, port } = JSON.parse(line) as { event: string; port: number };
    if (event === "listen") return port;
  }
  return undefined;
}
