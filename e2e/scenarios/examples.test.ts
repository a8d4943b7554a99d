import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startDev } from "../harness/wrangler.ts";

const run = promisify(execFile);
const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

for (const verify of globSync("*/verify.ts", { cwd: examples }).sort()) {
  const folder = dirname(verify);
  // proves mcp-authorization#unauthorized, mcp-authorization#permission-in-tool, mcp-authorization#permission-registered
  // proves guide-remote-mcp-server#permissions, mcp-governance#scope
  // proves testing-your-agents#same-tools, testing-your-agents#setup-config, testing-your-agents#bindings
  // proves testing-your-agents#unit-worker, testing-your-agents#unit-methods, testing-your-agents#run
  test(`the example ${basename(folder)} does what it says`, async (context) => {
    const data = await mkdtemp(join(tmpdir(), "agents-example-"));
    // Tokens are for one address, and the port is another one each time.
    const origin = ["--var", "ORIGIN:http://127.0.0.1:$PORT"];
    const dev = await startDev(join(examples, folder), "--persist-to", data, ...origin);
    context.after(async () => {
      await dev.stop();
      await rm(data, { recursive: true, force: true });
    });
    // What it throws has its output.
    await run(process.execPath, ["verify.ts", `http://${dev.host}`], { cwd: join(examples, folder), timeout: 60_000 });
  });
}
