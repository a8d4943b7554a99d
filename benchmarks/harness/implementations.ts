// What is measured, and where its packages are.
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join, posix, resolve } from "node:path";
import { spawnSync } from "node:child_process";
import { peerFolder, repository } from "./paths.ts";

export interface Implementation {
  /** Its column in the table. */
  id: string;
  /** Its Workers are written by hand, in workers/floor-*.ts. */
  floor: boolean;
  /** Where an import of one of its packages is resolved. */
  folder: string;
  /** Import path → file of the source. An import that is not here resolves to what is built or installed. */
  sources: ReadonlyMap<string, string>;
  /** What exactly was measured. */
  version: string;
}

/**
 * `floor`, `peer`, `ours` (what was last built from this repository, as users get it), `source` (that of this repository), or the
 * folder of another checkout, of which the source is measured.
 */
export function findImplementation(name: string): Implementation {
  const none = new Map<string, string>();
  switch (name) {
    case "floor":
      return { id: name, floor: true, folder: repository, sources: none, version: "bare Durable Object" };
    case "peer":
      return { id: name, floor: false, folder: peerFolder, sources: none, version: installed(peerFolder) };
    case "ours":
      return { id: name, floor: false, folder: repository, sources: none, version: `build of ${commitOf(repository)}` };
    default: {
      const isOwn = name === "source";
      const folder = isOwn ? repository : resolve(name);
      const sources = findSources(folder);
      if (!sources.has("agents")) throw new Error(`${folder} has no source of "agents" in packages/`);
      return {
        id: isOwn ? name : basename(folder),
        floor: false,
        folder,
        sources,
        version: `source at ${commitOf(folder)}`
      };
    }
  }
}

interface Manifest {
  name: string;
  version: string;
  exports?: Record<string, string | { default: string }>;
}

const readManifest = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

/** `exports` names built files, and each is built from the one of the same name in `src`. */
function findSources(folder: string): Map<string, string> {
  const sources = new Map<string, string>();
  for (const path of globSync("packages/*/package.json", { cwd: folder })) {
    const packageFolder = join(folder, path, "..");
    const { name, exports = {} } = readManifest(packageFolder);
    for (const [subpath, target] of Object.entries(exports)) {
      if (typeof target === "string") continue;
      const file = target.default.replace("./dist/", "src/").replace(/\.mjs$/, "");
      const found = [".ts", ".tsx"].map((suffix) => join(packageFolder, file + suffix)).find(existsSync);
      if (found) sources.set(posix.join(name, subpath), found);
    }
  }
  return sources;
}

function installed(folder: string): string {
  return ["agents", "@cloudflare/ai-chat"]
    .map((name) => `${name}@${readManifest(join(folder, "node_modules", name)).version}`)
    .join(" ");
}

function commitOf(folder: string): string {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: folder, encoding: "utf8" }).stdout.trim();
  const changed = git("status", "--porcelain", "--", "packages") !== "";
  return `${git("rev-parse", "--short", "HEAD") || "no commit"}${changed ? " with changes" : ""}`;
}
