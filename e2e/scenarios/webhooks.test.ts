import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AgentClient } from "agents/client";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { violations } from "../harness/axe.ts";
import { launch, openContext } from "../harness/browser.ts";
import { startDev, type Dev } from "../harness/wrangler.ts";

const folder = fileURLToPath(new URL("../../examples/webhooks/", import.meta.url));
const secret = "what GitHub knows, too";

let data: string;
let dev: Dev;
let browser: Browser;

const start = () => startDev(folder, "--persist-to", data, "--var", `GITHUB_WEBHOOK_SECRET:${secret}`);

before(async () => {
  data = await mkdtemp(join(tmpdir(), "agents-webhooks-"));
  dev = await start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await dev?.stop();
  await rm(data, { recursive: true, force: true });
});

const page = (repository: string) => `http://${dev.host}/?${new URLSearchParams({ repository }).toString()}`;

/** Delivers a webhook as GitHub does; the status of the answer. */
async function deliver(repository: string, title: string, options: { id?: string; key?: string; url?: string } = {}) {
  const { id = randomUUID(), key = secret, url = `https://github.com/${repository}/issues/1` } = options;
  const body = JSON.stringify({
    action: "opened",
    repository: { full_name: repository, stargazers_count: 7 },
    sender: { login: "ada" },
    issue: { title, html_url: url }
  });
  const response = await fetch(`http://${dev.host}/webhooks/github`, {
    method: "POST",
    body,
    headers: {
      "X-GitHub-Event": "issues",
      "X-GitHub-Delivery": id,
      "X-Hub-Signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}`
    }
  });
  return response.status;
}

// proves guide-webhooks#live, guide-webhooks#from-payload, guide-webhooks#isolated, guide-webhooks#verified, guide-webhooks#use-agent
test("a page shows what happens in its repository as it happens, and nothing else", async () => {
  const { context, problems, foreign } = await openContext(browser);
  const lamp = await context.newPage();
  await lamp.goto(page("octo/lamp"));
  await lamp.getByText("Nothing has happened here yet").waitFor();
  assert.equal(await deliver("octo/lamp", "It does not shine"), 202);
  await lamp.getByRole("link", { name: "It does not shine" }).waitFor();
  await lamp.getByRole("status").getByText("1 events, 7 stars").waitFor();

  // Neither what is forged, nor what belongs to another repository.
  assert.equal(await deliver("octo/lamp", "Forged", { key: "a guess" }), 401);
  assert.equal(await deliver("octo/chair", "It creaks"), 202);
  const chair = await context.newPage();
  await chair.goto(page("octo/chair"));
  await chair.getByRole("link", { name: "It creaks" }).waitFor();
  assert.equal(await deliver("octo/lamp", "Second"), 202);
  await lamp.getByRole("link", { name: "Second" }).waitFor();
  assert.deepEqual(await lamp.getByRole("link").allTextContents(), ["Second", "It does not shine"]);
  assert.deepEqual(await chair.getByRole("link").allTextContents(), ["It creaks"]);
  assert.deepEqual([problems, foreign], [[], []]);
  await context.close();
});

// proves guide-webhooks#deduplicated, guide-webhooks#stored
test("a delivery that comes again is not a second one, also after the server was killed", async () => {
  const id = randomUUID();
  assert.equal(await deliver("octo/once", "Once", { id }), 202);
  assert.equal(await deliver("octo/once", "Once", { id }), 200);
  // SIGKILL.
  await dev.stop();
  dev = await start();
  assert.equal(await deliver("octo/once", "Once", { id }), 200);
  const { context } = await openContext(browser);
  const once = await context.newPage();
  await once.goto(page("octo/once"));
  await once.getByText("1 events, 7 stars").waitFor();
  await context.close();
});

test("what somebody writes on GitHub is text, and only GitHub is linked to", async () => {
  const { context, problems } = await openContext(browser);
  const evil = await context.newPage();
  const title = `<img src=x onerror="document.title='taken'">`;
  assert.equal(await deliver("octo/evil", title, { url: "javascript:document.title='taken'" }), 202);
  await evil.goto(page("octo/evil"));
  await evil.getByText(title).waitFor();
  assert.equal(await evil.getByRole("link").count(), 0);
  assert.equal(await evil.title(), "Repository");
  assert.deepEqual(problems, []);
  await context.close();
});

// proves guide-webhooks#read-only
test("who watches cannot write, nor deliver past the signature", async (context) => {
  let refused: (reason: string) => void;
  const refusal = new Promise<string>((resolve) => (refused = resolve));
  const client = new AgentClient<{ total: number }>({
    agent: "Repository",
    name: "octo.watched",
    host: dev.host,
    onStateUpdateError: (reason) => refused(reason)
  });
  context.after(() => client.close());
  await client.ready;
  await assert.rejects(client.call("deliver", [{ id: "x", type: "push", payload: {} }]), /not callable/);
  await assert.rejects(client.call("show", [{}]), /not callable/);
  client.setState({ total: 1_000 });
  assert.match(await refusal, /readonly/);
  assert.equal(client.state?.total, 0);
  assert.deepEqual(await client.call("getEvents"), []);
});

const phone = { width: 390, height: 844 };
const looks: [string, BrowserContextOptions][] = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["light on a phone", { colorScheme: "light", viewport: phone }],
  ["dark on a phone", { colorScheme: "dark", viewport: phone }]
];

for (const [name, options] of looks) {
  test(`the page has no serious violation, ${name}`, async () => {
    const { context } = await openContext(browser, options);
    const looked = await context.newPage();
    await deliver("octo/looked-at", `A title that is ${"very ".repeat(20)}long`);
    await looked.goto(page("octo/looked-at"));
    await looked.getByRole("link").first().waitFor();
    assert.deepEqual(await violations(looked), []);
    const overflow = await looked.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    await context.close();
  });
}
