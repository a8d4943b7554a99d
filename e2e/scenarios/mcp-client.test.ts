import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { violations } from "../harness/axe.ts";
import { launch, openContext } from "../harness/browser.ts";
import { Door } from "../harness/door.ts";
import { Server, toolboxApp } from "../harness/server.ts";
import { ToolboxPage } from "../harness/toolbox-page.ts";
import { allow, ToolServers } from "../harness/tool-servers.ts";

let servers: ToolServers;
let door: Door;
let server: Server;
let browser: Browser;
/** The addresses of the servers: one for everybody, and two that want a sign-in. */
let temperatures: string;
let notebook: string;
let greeter: string;

before(async () => {
  // One after the other: whichever fails, the others are known, and are ended.
  servers = await ToolServers.start();
  door = await Door.before(servers.openHost);
  temperatures = `http://${door.host}/mcp`;
  notebook = `http://${servers.closedHost}/notebook`;
  greeter = `http://${servers.closedHost}/mcp`;
  server = await Server.start("dev", toolboxApp);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  door?.close();
  await servers?.stop();
});

const room = '{ "kelvin": 300, "unit": "celsius" }';
const byText = (a: string, b: string) => a.localeCompare(b);
const notebookTools = ["read_notes", "whoami", "write_note"];

test("a server is added, and its tools, prompts and resources are used", async () => {
  const { context, problems } = await openContext(browser);
  const toolbox = await ToolboxPage.open(context, server.url, "open");
  await toolbox.page.getByText("Which tools shall this agent have?").waitFor();
  door.asked.length = 0;
  await toolbox.add("Temperatures", temperatures, "ready");
  assert.deepEqual(door.asked.toSorted(byText), [
    "initialize",
    "notifications/initialized",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "tools/list"
  ]);
  assert.deepEqual(await toolbox.offers(), ["convert", "explain", "unit"]);
  assert.match(await toolbox.use("convert", room), /26\.85/);
  // What the server refuses is an answer, too.
  assert.match(await toolbox.use("convert", '{ "kelvin": -1, "unit": "celsius" }'), /The server refused/);
  assert.match(await toolbox.use("explain", '{ "unit": "kelvin" }'), /Explain the unit kelvin to a child/);
  assert.match(await toolbox.use("unit", "units://fahrenheit"), /459\.67/);

  const convert = await toolbox.offer("convert");
  for (const [text, reason] of [
    ["kelvin 300", "The arguments are not JSON"],
    ["[300]", "The arguments have to be an object"]
  ] as const) {
    await convert.getByRole("textbox").fill(text);
    await convert.getByRole("button").click();
    await convert.getByRole("alert").filter({ hasText: reason }).waitFor();
  }
  assert.deepEqual(problems, []);
  await context.close();
});

// proves client-sdk#onMcpUpdate
test("a sign-in in a pop-up gives all tabs the tools, and their calls know who has signed in", async () => {
  const { context, problems } = await openContext(browser);
  const first = await ToolboxPage.open(context, server.url, "sign-in");
  const second = await ToolboxPage.open(context, server.url, "sign-in");
  await first.add("Notebook", notebook, "authenticating");
  await second.is("Notebook", "authenticating");
  assert.deepEqual(await second.offers(), []);

  const popup = await first.signIn();
  assert.match((await popup.getByRole("heading").textContent())!, /Toolbox would like to use your notebook/);
  await allow(popup);
  // Nobody has touched it.
  await second.is("Notebook", "ready");
  assert.deepEqual((await second.offers()).toSorted(byText), notebookTools);
  assert.match(await second.use("whoami"), /Ada/);
  assert.match(await first.use("write_note", '{ "note": "Buy milk" }'), /1 notes/);
  assert.match(await second.use("read_notes"), /Buy milk/);

  await first.button("Remove").click();
  await second.page.getByText("None yet").waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("a user who denies is told so, and may begin again", async () => {
  const { context, problems } = await openContext(browser);
  const toolbox = await ToolboxPage.open(context, server.url, "denied");
  await toolbox.add("Notebook", notebook, "authenticating");
  const popup = await toolbox.signIn();
  const over = popup.waitForEvent("close");
  await popup.getByRole("button", { name: "Deny" }).click();
  await over;
  await toolbox.is("Notebook", "failed");
  assert.match(await toolbox.page.getByTestId("error").innerText(), /denied/i);
  assert.deepEqual(await toolbox.offers(), []);

  await toolbox.button("Try again").click();
  await toolbox.is("Notebook", "authenticating");
  await allow(await toolbox.signIn());
  await toolbox.is("Notebook", "ready");
  assert.match(await toolbox.use("whoami"), /Ada/);
  assert.deepEqual(problems, []);
  await context.close();
});

test("a forged answer changes nothing, and neither does one that comes twice", async () => {
  const { context, problems } = await openContext(browser);
  const toolbox = await ToolboxPage.open(context, server.url, "forged");
  await toolbox.add("Notebook", notebook, "authenticating");
  const forged = await context.newPage();
  const callback = `${server.url}/agents/toolbox/forged/callback`;
  await forged.goto(`${callback}?code=stolen&state=notebook:${"0".repeat(32)}`);
  await forged.getByText("This sign-in has expired, or was finished already").waitFor();
  await toolbox.is("Notebook", "authenticating");

  const popup = await toolbox.signIn();
  const answered = popup.waitForRequest((request) => request.url().startsWith(callback));
  await allow(popup);
  await toolbox.is("Notebook", "ready");
  await forged.goto((await answered).url());
  await forged.getByText("This sign-in has expired, or was finished already").waitFor();
  assert.match(await toolbox.use("whoami"), /Ada/);
  // What the browser says of the two refusals, which are pages.
  assert.deepEqual(
    problems.filter((problem) => !/status of 400/.test(problem)),
    []
  );
  await context.close();
});

test("where no window may be opened, the user goes to the consent page and comes back", async () => {
  const { context, problems } = await openContext(browser);
  const toolbox = await ToolboxPage.open(context, server.url, "no-pop-ups");
  await toolbox.add("Greeter", greeter, "authenticating");
  await toolbox.page.evaluate(() => void (window.open = () => null));
  await toolbox.button("Sign in").click();
  await toolbox.page.getByLabel("Your name").fill("Ada");
  await toolbox.page.getByRole("button", { name: "Allow" }).click();
  await toolbox.page.waitForURL(`${server.url}/?agent=no-pop-ups`);
  await toolbox.is("Greeter", "ready");
  assert.deepEqual((await toolbox.offers()).toSorted(byText), ["my_id", "whoami"]);
  assert.deepEqual(problems, []);
  await context.close();
});

test("a server that cannot be used says why, and an address that may not be asked is refused", async () => {
  const { context, problems } = await openContext(browser);
  const toolbox = await ToolboxPage.open(context, server.url, "broken");
  await toolbox.add("Nothing", `http://${servers.openHost}/nothing`, "failed");
  assert.match(await toolbox.page.getByTestId("error").innerText(), /Not Found/);
  await toolbox.page.getByRole("textbox", { name: "Address" }).fill("http://169.254.169.254/latest");
  await toolbox.button("Add").click();
  await toolbox.page.getByText("Blocked URL: http://169.254.169.254").waitFor();
  assert.equal(await toolbox.page.getByTestId("server").count(), 1);
  assert.deepEqual(problems, []);
  await context.close();
});

test("after the server was killed in the middle of a sign-in, tools are there at once, and the sign-in goes on", async () => {
  const { context, problems } = await openContext(browser);
  const toolbox = await ToolboxPage.open(context, server.url, "killed", { liveReload: false });
  await toolbox.add("Notebook", notebook, "authenticating");
  await toolbox.add("Temperatures", temperatures, "ready");
  await toolbox.choose("Notebook");
  const popup = await toolbox.signIn();

  await server.kill();
  await toolbox.connection("disconnected");
  door.asked.length = 0;
  await server.run();
  await toolbox.connection("connected");
  // Loaded anew, so that nothing is left of what the page knew.
  await toolbox.page.reload();
  await toolbox.choose("Temperatures");
  await toolbox.is("Temperatures", "ready");
  assert.deepEqual(await toolbox.offers(), ["convert", "explain", "unit"]);
  assert.equal(door.asked.join(), "", "nobody has called, so the server is not asked");
  assert.match(await toolbox.use("convert", room), /26\.85/);
  assert.ok(door.asked.includes("tools/call"));

  await allow(popup);
  await toolbox.is("Notebook", "ready");
  await toolbox.choose("Notebook");
  assert.match(await toolbox.use("whoami"), /Ada/);
  // And once more: tokens are kept.
  await server.kill();
  await toolbox.connection("disconnected");
  await server.run();
  await toolbox.connection("connected");
  assert.match(await toolbox.use("whoami"), /Ada/);
  assert.deepEqual(problems, []);
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
    const { context, problems } = await openContext(browser, options);
    const toolbox = await ToolboxPage.open(context, server.url, name.replaceAll(" ", "-"));
    const look = async () => {
      assert.deepEqual(await violations(toolbox.page), []);
      const overflow = await toolbox.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    };
    await look();
    await toolbox.add("Temperatures", temperatures, "ready");
    await toolbox.use("convert", '{ "kelvin": -1, "unit": "celsius" }');
    await toolbox.use("unit", "units://celsius");
    await look();
    await toolbox.add(
      "Nothing, under a name that is so long that there is no room",
      `http://${servers.openHost}/nothing`,
      "failed"
    );
    await look();
    await toolbox.add("Notebook", notebook, "authenticating");
    await look();
    assert.deepEqual(problems, []);
    await context.close();
  });
}
