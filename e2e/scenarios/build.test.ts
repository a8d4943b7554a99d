import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage } from "../harness/chat-page.ts";
import { Server, starter, toolboxApp } from "../harness/server.ts";
import { ToolServers } from "../harness/tool-servers.ts";
import { startDev } from "../harness/wrangler.ts";

const run = promisify(execFile);
const bin = (path: string): string => fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url));
const env = {
  ...process.env,
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false"
};

// proves starter#build
test("builds, could be deployed, and answers when it is built", async () => {
  await rm(join(starter, "dist"), { recursive: true, force: true });
  await run(process.execPath, [bin("vite/bin/vite.js"), "build"], { cwd: starter, env });
  const { stdout } = await run(process.execPath, [bin("wrangler/bin/wrangler.js"), "deploy", "--dry-run"], {
    cwd: starter,
    env
  });
  assert.match(stdout, /--dry-run: exiting now/);
  const server = await Server.start("preview");
  const browser = await launch().catch(() => undefined);
  try {
    assert.ok(browser, "the browser starts");
    const { context, problems } = await openContext(browser);
    const chat = await ChatPage.open(context, server.url, "built");
    assert.match(await chat.ask("What is the weather in Tokyo?"), /Tokyo/);
    assert.deepEqual(problems, []);
  } finally {
    await browser?.close();
    await server.stop();
  }
});

test("the example with MCP servers does what it says when it is built, and may ask public addresses only", async (context) => {
  const { folder } = toolboxApp;
  await rm(join(folder, "dist"), { recursive: true, force: true });
  await run(process.execPath, [bin("vite/bin/vite.js"), "build"], { cwd: folder, env });
  const config = await readFile(join(folder, "dist/mcp_client/wrangler.json"), "utf8");
  assert.deepEqual((JSON.parse(config) as { vars: object }).vars, {});

  const data = await mkdtemp(join(tmpdir(), "agents-built-"));
  context.after(() => rm(data, { recursive: true, force: true }));
  const servers = await ToolServers.start();
  context.after(() => servers.stop());
  // Wrangler takes what was built. The servers of this test are not public.
  const dev = await startDev(folder, "--persist-to", data, "--var", "MCP_ALLOW_LOOPBACK:true");
  context.after(() => dev.stop());
  const hosts = [dev.host, servers.openHost, servers.closedHost];
  await run(process.execPath, ["verify.ts", ...hosts.map((host) => `http://${host}`)], {
    cwd: folder,
    timeout: 60_000
  });
});
