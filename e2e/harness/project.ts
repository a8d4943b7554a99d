import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));
const wranglerBin = join(modules, "wrangler/bin/wrangler.js");
const env = {
  ...process.env,
  NO_COLOR: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false"
};

/** A project of somebody who uses the packages as they are built, with Wrangler and nothing else. */
export class Project {
  readonly folder: string;
  readonly #servers = new Set<ChildProcess>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Below `node_modules`, where the packages are found. */
  static async create(files: Record<string, string>): Promise<Project> {
    const cache = join(modules, ".cache");
    await mkdir(cache, { recursive: true });
    const project = new Project(await mkdtemp(join(cache, "project-")));
    for (const [name, text] of Object.entries(files)) await project.write(name, text);
    return project;
  }

  async write(name: string, text: string): Promise<void> {
    const path = join(this.folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  /** Runs a command of Wrangler; what it says, warnings included. */
  async wrangler(...args: string[]): Promise<string> {
    const { stdout, stderr } = await run(process.execPath, [wranglerBin, ...args], { cwd: this.folder, env });
    return stdout + stderr;
  }

  /** Type-checks the project as its `tsconfig.json` says; what is wrong. */
  async typeErrors(): Promise<string> {
    try {
      await run(process.execPath, [join(modules, "typescript/bin/tsc"), "--noEmit", "--pretty", "false"], {
        cwd: this.folder
      });
      return "";
    } catch (error) {
      return String((error as { stdout: string }).stdout);
    }
  }

  /** Runs `wrangler dev`, and resolves with its address when it answers. */
  async dev(...args: string[]): Promise<{ host: string; stop(): Promise<void> }> {
    const port = await freePort();
    const command = [wranglerBin, "dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0", ...args];
    // A group of its own: the runtime is a child of the server, and has to end with it.
    const child = spawn(process.execPath, command, { cwd: this.folder, env, detached: true, stdio: "pipe" });
    this.#servers.add(child);
    let output = "";
    const ready = new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (text: Buffer) => {
          output += text.toString();
          if (output.includes("Ready on")) resolve();
        });
      }
    });
    const ended = once(child, "exit").then(() => {
      throw new Error(`wrangler dev ended:\n${output}`);
    });
    ended.catch(() => undefined);
    await Promise.race([ready, ended]);
    return { host: `127.0.0.1:${port}`, stop: () => this.#stop(child) };
  }

  async #stop(child: ChildProcess): Promise<void> {
    this.#servers.delete(child);
    if (!child.pid || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await exited;
  }

  async remove(): Promise<void> {
    for (const child of this.#servers) await this.#stop(child);
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("No port");
  return address.port;
}
