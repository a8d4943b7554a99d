import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const repository = here("../..");
export const peerFolder = here("../peer");
export const workersFolder = here("../workers");
export const resultsFolder = here("../results");

let folder: string | undefined;
let serial = 0;

/** A new path for bundles, storage and logs. In memory where the system allows: disks should not decide. */
export function scratch(name: string): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "agents-bench-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return join(folder, `${++serial}-${name}`);
}
