import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { env, startDev, wranglerBin, type Dev } from "./wrangler.ts";

const run = promisify(execFile);
const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));

/** A project of somebody who uses the packages as they are built, with Wrangler and nothing else. */
export class Project {
  readonly folder: string;
  readonly #servers = new Set<Dev>();

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
  async dev(...args: string[]): Promise<Dev> {
    const dev = await startDev(this.folder, ...args);
    this.#servers.add(dev);
    return dev;
  }

  async remove(): Promise<void> {
    for (const server of this.#servers) await server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
