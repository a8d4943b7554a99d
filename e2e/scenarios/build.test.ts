import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launch, openContext } from "../harness/browser.ts";
import { ChatPage } from "../harness/chat-page.ts";
import { Server, starter } from "../harness/server.ts";

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
