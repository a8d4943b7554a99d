// Makes one module of what `src/mcp/client/sdk.ts` takes from the MCP SDK: the SDK's client, and the schema library under it.
//
// In a Worker of one file, esbuild wraps the modules that are imported later, and with them all that they import. Where the program imports
// one of those too, by a file that only passes on what others export (`zod` is such a file), esbuild leaves out the call that runs it: the
// program would find the classes of `zod` undefined when it starts. A module that shares nothing with the program cannot do that.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";

/** @param file the built module, which still imports the packages */
export async function bundleMcpSdk(file: string): Promise<void> {
  const { metafile } = await build({
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    metafile: true,
    logLevel: "warning"
  });
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => packageOf(resolve(path)));
  const folders = [...new Set(used.filter((folder) => folder !== undefined))].sort();
  const notices = folders.map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
  });
  writeFileSync(join(dirname(file), "sdk.licenses.txt"), notices.join(`\n${"-".repeat(80)}\n\n`));
}

/** The folder of the package that a file is of; `undefined` for our own. */
const packageOf = (path: string) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(path)?.[0];
