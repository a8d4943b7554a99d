import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startDev, type Dev } from "../harness/wrangler.ts";

const run = promisify(execFile);
const folder = fileURLToPath(new URL("../conformance/", import.meta.url));
const conformance = fileURLToPath(
  new URL("../../node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url)
);

let data: string;
let dev: Dev;

before(async () => {
  data = await mkdtemp(join(tmpdir(), "agents-mcp-client-"));
  dev = await startDev(folder, "--config", "client.jsonc", "--persist-to", data);
});

after(async () => {
  await dev?.stop();
  await rm(data, { recursive: true, force: true });
});

const suite = async (...args: string[]) => run(process.execPath, [conformance, ...args], { cwd: data });

/** What the suite has for clients, also for those of drafts and extensions. */
const { stdout: list } = await run(process.execPath, [conformance, "list", "--client"]);
const scenarios = [...list.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name!);

test("there are scenarios for clients", () => {
  for (const name of ["initialize", "sse-retry", "auth/scope-step-up", "auth/cross-app-access-complete-flow"]) {
    assert.ok(scenarios.includes(name), list);
  }
});

for (const scenario of scenarios) {
  // proves mcp-client#conformance
  test(`an agent passes the conformance suite: ${scenario}`, async () => {
    const client = `${process.execPath} ${join(folder, "run-client.ts")} http://${dev.host}`;
    // The suite would run its scenarios all at once, and some of them measure times.
    const { stderr } = await suite("client", "--command", client, "--scenario", scenario);
    assert.match(stderr, /Passed: (\d+)\/\1, 0 failed, 0 warnings/);
  });
}
