import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { peerFolder } from "./paths.ts";

/** Installs the published packages, from their own lock file, unless they are there. */
export function installPeer(): void {
  if (existsSync(join(peerFolder, "node_modules", "agents"))) return;
  console.error("Installing the published packages into benchmarks/peer ...");
  const { status } = spawnSync("npm", ["ci", "--prefix", peerFolder, "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", "ignore", "inherit"]
  });
  if (status !== 0) throw new Error("The peer could not be installed. Without it: npm run bench -- --impl floor,ours");
}
