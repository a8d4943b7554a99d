// Checks the types of everything: one `tsc` for each tsconfig*.json of each workspace.
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
const tsc = "node_modules/typescript/bin/tsc";
// A build checks again what it takes of the others, so those for builds are left out.
const configs = globSync([
  "tsconfig.json",
  "packages/*/tsconfig*.json",
  "templates/*/tsconfig*.json",
  "compat/*/tsconfig*.json",
  "examples/*/tsconfig*.json",
  "e2e/tsconfig*.json",
  "benchmarks/{,workers/}tsconfig.json"
])
  .filter((config) => !config.includes("tsconfig.build."))
  .sort();

const results = await Promise.all(
  configs.map(async (config) => {
    try {
      await run(process.execPath, [tsc, "--noEmit", "--pretty", "false", "-p", config]);
      return "";
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      // A configuration may be there before the first file that it is for.
      return /error TS18003/.test(stdout) ? "" : `${config}\n${stdout}${stderr}`;
    }
  })
);

const failed = results.filter((output) => output !== "");
if (failed.length > 0) {
  console.error(failed.join("\n"));
  process.exitCode = 1;
} else {
  console.log(`${configs.length} configurations, no type errors`);
}
