import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { violations } from "../harness/axe.ts";
import { launch, openContext } from "../harness/browser.ts";
import { startDev, type Dev } from "../harness/wrangler.ts";

const folder = fileURLToPath(new URL("../../examples/mcp-authenticated/", import.meta.url));
const secret = "0123456789abcdef0123456789abcdef";

let data: string;
let dev: Dev;
let browser: Browser;
let origin: string;
/** The app's own page, to which browsers are sent back. */
let app: Server;
let callback: string;

before(async () => {
  data = await mkdtemp(join(tmpdir(), "agents-mcp-"));
  const vars = ["--var", "ORIGIN:http://127.0.0.1:$PORT", "--var", `COOKIE_SECRET:${secret}`];
  dev = await startDev(folder, "--persist-to", data, ...vars);
  origin = `http://${dev.host}`;
  app = createServer((_, response) => response.end("<title>Back in the app</title>")).listen(0, "127.0.0.1");
  await once(app, "listening");
  callback = `http://127.0.0.1:${(app.address() as AddressInfo).port}/callback`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  app?.close();
  await dev?.stop();
  await rm(data, { recursive: true, force: true });
});

const verifier = "v".repeat(64);

/** A new app, and the address to which it sends its user. */
async function register(
  name: string,
  more: Record<string, unknown> = {}
): Promise<{ id: string; address(scope?: string): string }> {
  const response = await fetch(`${origin}/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      client_name: name,
      redirect_uris: [callback],
      token_endpoint_auth_method: "none",
      ...more
    })
  });
  const { client_id: id } = (await response.json()) as { client_id: string };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = {
    response_type: "code",
    client_id: id,
    redirect_uri: callback,
    state: "of the app",
    resource: origin,
    code_challenge: Buffer.from(digest).toString("base64url"),
    code_challenge_method: "S256"
  };
  return {
    id,
    address: (scope = "notes:read notes:write") =>
      `${origin}/authorize?${new URLSearchParams({ ...query, scope }).toString()}`
  };
}

/** What an app gets for its code. */
async function tokenFor(id: string, page: Page): Promise<string> {
  const back = new URL(page.url());
  assert.equal(back.searchParams.get("state"), "of the app");
  const response = await fetch(`${origin}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: id,
      code: back.searchParams.get("code")!,
      redirect_uri: callback,
      code_verifier: verifier
    })
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function ask(path: string, token: string, name: string): Promise<string> {
  const client = new Client({ name: "test", version: "1.0.0" });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(path, origin), { requestInit }));
  try {
    const { content } = await client.callTool({ name });
    return (content as { text: string }[])[0]!.text;
  } finally {
    await client.close();
  }
}

const heading = (page: Page) => page.getByRole("heading", { level: 1 });
const button = (page: Page, name: string) => page.getByRole("button", { name });

// proves mcp#remote, mcp#several, guide-remote-mcp-server#oauth
// proves mcp-authorization#own-flow, mcp-authorization#consent, mcp-authorization#props-agent, mcp-agent#oauth, mcp-authorization#props-handler, guide-securing-mcp-servers#approved-clients, create-mcp-handler#auth-automatic
test("a user allows an app what it may, and its tools know the user", async () => {
  const { context, problems } = await openContext(browser);
  const page = await context.newPage();
  const { id, address } = await register("Cook Book");
  await page.goto(address());
  assert.match((await heading(page).textContent())!, /Cook Book would like to use your notebook/);
  await page.getByText("Its name is not verified").waitFor();
  await page.getByText("127.0.0.1").waitFor();
  await page.getByText("on this computer").waitFor();
  await page.getByLabel("Write notes").uncheck();
  await page.getByLabel("Your name").fill("Grace Hopper");
  await button(page, "Allow").click();
  await page.waitForURL(`${callback}?**`);
  const token = await tokenFor(id, page);
  assert.equal(await ask("/mcp", token, "whoami"), "Grace Hopper");
  assert.equal(await ask("/notebook", token, "whoami"), "Grace Hopper");
  assert.equal(await ask("/notebook", token, "read_notes"), "");
  assert.deepEqual(problems, []);

  // The browser is known now, and what was allowed: the page does not come again, but for more.
  await page.goto(address("notes:read"));
  await page.waitForURL(`${callback}?**`);
  assert.equal(await ask("/mcp", await tokenFor(id, page), "whoami"), "Grace Hopper");
  await page.goto(address("notes:write"));
  await page.getByText("Signed in as Grace Hopper").waitFor();
  // Another app has to ask for itself.
  await page.goto((await register("Stranger")).address("notes:read"));
  await heading(page).getByText("Stranger").waitFor();
  await context.close();
});

// proves guide-securing-mcp-servers#host-cookies, guide-securing-mcp-servers#hmac
test("its cookies are for this host alone, and no script can read them", async () => {
  const { context } = await openContext(browser);
  const page = await context.newPage();
  await page.goto((await register("Cook Book")).address());
  await page.getByLabel("Your name").fill("Ada");
  await button(page, "Allow").click();
  await page.waitForURL(`${callback}?**`);
  const cookies = await context.cookies(origin);
  assert.ok(cookies.length >= 2);
  for (const { name, httpOnly, secure, sameSite, path } of cookies) {
    assert.match(name, /^__Host-/);
    assert.deepEqual(
      { httpOnly, secure, sameSite, path },
      { httpOnly: true, secure: true, sameSite: "Lax", path: "/" }
    );
  }
  // A cookie that somebody has changed is none.
  const session = cookies.find(({ name }) => name === "__Host-session")!;
  await context.addCookies([{ ...session, value: session.value.replace("Ada", "Bob") }]);
  await page.goto((await register("Other")).address());
  await page.getByLabel("Your name").waitFor();
  await context.close();
});

test("a user who denies sends the app away", async () => {
  const { context } = await openContext(browser);
  const page = await context.newPage();
  await page.goto((await register("Cook Book")).address());
  await button(page, "Deny").click();
  await page.waitForURL(`${callback}?**`);
  const { searchParams } = new URL(page.url());
  assert.deepEqual([searchParams.get("error"), searchParams.get("code")], ["access_denied", null]);
  await context.close();
});

// proves guide-securing-mcp-servers#sanitize, guide-securing-mcp-servers#csp, guide-securing-mcp-servers#csrf, guide-securing-mcp-servers#state-binding
test("what an app says of itself runs no code, and nobody can frame or forge the page", async () => {
  const { context, problems } = await openContext(browser);
  const page = await context.newPage();
  const script = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;
  const { address } = await register(`Cook ${script}`, {
    logo_uri: "https://localhost:1/logo.png",
    client_uri: "https://a.example"
  });
  await page.goto(address());
  assert.ok((await heading(page).textContent())!.includes(script));
  assert.match(await page.title(), /^Cook <img/);
  // Its own policy would stop even what has found its way in.
  const ran = await page.evaluate(() => {
    const element = document.createElement("script");
    element.textContent = "document.title = 'taken'";
    document.body.append(element);
    return document.title === "taken";
  });
  assert.equal(ran, false);
  // Opened in this browser, answered from another site: its cookies do not come along.
  const handle = await page.locator("[name=handle]").inputValue();
  const evil = await context.newPage();
  await evil.goto(callback.replace("127.0.0.1", "localhost"));
  await evil.evaluate(
    ({ action, fields }) => {
      const form = document.createElement("form");
      form.method = "post";
      form.action = action;
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("input");
        [input.name, input.value] = [name, value];
        form.append(input);
      }
      document.body.append(form);
      form.submit();
    },
    { action: `${origin}/authorize`, fields: { handle, decision: "allow", name: "Mallory", scope: "notes:read" } }
  );
  await evil.getByText("This did not work").waitFor();
  assert.equal(new URL(evil.url()).origin, origin);
  const framing = await context.newPage();
  await framing.goto(callback);
  await framing.evaluate((src) => {
    const frame = document.createElement("iframe");
    frame.src = src;
    document.body.append(frame);
    return new Promise((resolve) => frame.addEventListener("load", resolve));
  }, address());
  assert.ok(
    problems.some((problem) => /frame-ancestors|X-Frame-Options/.test(problem)),
    problems.join("\n")
  );
  await context.close();
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
    const { context } = await openContext(browser, { ...options, bypassCSP: true });
    const page = await context.newPage();
    const { address } = await register(
      "An app whose name is so long that it needs several lines even on a large screen"
    );
    for (const to of [address(), `${origin}/authorize?client_id=nobody`]) {
      await page.goto(to);
      assert.deepEqual(await violations(page), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    }
    await context.close();
  });
}
