import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Server, toolboxApp } from "../harness/server.ts";
import { startDev } from "../harness/wrangler.ts";

const run = promisify(execFile);
const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

/** What an example needs to run beside it. Their addresses are the next arguments of its program. */
const neighbours: Record<string, string[]> = { "mcp-client": ["mcp-server", "mcp-authenticated"] };

async function start(context: TestContext, folder: string): Promise<string> {
  if (folder === basename(toolboxApp.folder)) {
    const server = await Server.start("dev", toolboxApp);
    context.after(() => server.stop());
    return server.url;
  }
  const data = await mkdtemp(join(tmpdir(), "agents-example-"));
  // Tokens are for one address, and the port is another one each time.
  const origin = ["--var", "ORIGIN:http://127.0.0.1:$PORT"];
  const dev = await startDev(join(examples, folder), "--persist-to", data, ...origin);
  context.after(async () => {
    await dev.stop();
    await rm(data, { recursive: true, force: true });
  });
  return `http://${dev.host}`;
}

for (const verify of globSync("*/verify.ts", { cwd: examples }).sort()) {
  const folder = dirname(verify);
  // proves mcp-authorization#unauthorized, mcp-authorization#permission-in-tool, mcp-authorization#permission-registered
  // proves guide-remote-mcp-server#permissions, mcp-governance#scope
  // proves testing-your-agents#same-tools, testing-your-agents#setup-config, testing-your-agents#bindings
  // proves testing-your-agents#unit-worker, testing-your-agents#unit-methods, testing-your-agents#run
  test(`the example ${basename(folder)} does what it says`, async (context) => {
    const addresses: string[] = [];
    for (const name of [folder, ...(neighbours[folder] ?? [])]) addresses.push(await start(context, name));
    // What it throws has its output.
    await run(process.execPath, ["verify.ts", ...addresses], { cwd: join(examples, folder), timeout: 60_000 });
  });
}
