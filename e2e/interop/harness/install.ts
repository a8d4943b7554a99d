import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { folderOf, type Version } from "./versions.ts";

/**
 * Installs the packages of a release, unless they are there. They are a project of their own: who uses this repository, or the
 * starter, should not have to download them.
 */
export async function install(version: Version): Promise<void> {
  const folder = folderOf(version);
  const wanted = createHash("sha256")
    .update(await readFile(join(folder, "package.json")))
    .update(await readFile(join(folder, "package-lock.json")))
    .digest("hex");
  const stamp = join(folder, "node_modules", ".installed");
  if (existsSync(stamp) && (await readFile(stamp, "utf8")) === wanted) return;
  console.log(`Installing the packages of agents ${version}`);
  await npm(folder, ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"]);
  await writeFile(stamp, wanted);
}

async function npm(cwd: string, args: string[]): Promise<void> {
  // An npm script tells the npm inside it which workspace it is in; here there is none.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(config_(workspaces?|local_prefix|prefix|include_)|package_|lifecycle_)/i.test(name)
    )
  );
  const child = spawn("npm", args, { cwd, env, stdio: "inherit", shell: process.platform === "win32" });
  const [status] = await once(child, "exit");
  if (status !== 0) throw new Error(`npm ${args.join(" ")} in ${cwd} ended with ${status}`);
}
