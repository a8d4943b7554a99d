// The example with the expenses, as people use it: in their browsers, and with a server that is killed in the middle.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { violations } from "../harness/axe.ts";
import { launch, openContext } from "../harness/browser.ts";
import { startDev, type Dev } from "../harness/wrangler.ts";

const example = fileURLToPath(new URL("../../examples/workflows/", import.meta.url));
const timeout = 120_000;

/** The example with a database of its own, which outlives the servers. */
async function office(context: TestContext) {
  const data = await mkdtemp(join(tmpdir(), "agents-workflows-"));
  let dev: Dev | undefined;
  context.after(async () => {
    await dev?.stop();
    await rm(data, { recursive: true, force: true });
  });
  return {
    /** Ends the server, in the middle of whatever it does, if one runs, and starts another one. */
    async restart(payday = "1 second"): Promise<string> {
      await dev?.stop();
      dev = await startDev(example, "--persist-to", data, "--var", `PAYDAY:${payday}`);
      return `http://${dev.host}`;
    }
  };
}

async function people(context: TestContext, ...users: string[]) {
  const browser: Browser = await launch();
  context.after(() => browser.close());
  const opened = await Promise.all(users.map(async (user) => ({ user, ...(await openContext(browser)) })));
  return {
    visit: (origin: string): Promise<Page[]> =>
      Promise.all(
        opened.map(async ({ user, context }) => {
          for (const old of context.pages()) await old.close();
          const page = await context.newPage();
          await page.goto(`${origin}/?user=${user}`);
          return page;
        })
      ),
    check(): void {
      for (const { problems, foreign } of opened) assert.deepEqual([problems, foreign], [[], []]);
    }
  };
}

async function submit(page: Page, amount: number, description: string): Promise<void> {
  await page.getByLabel("What for").fill(description);
  await page.getByLabel("Amount in €").fill(String(amount));
  await page.getByRole("button", { name: "Submit" }).click();
}
const item = (page: Page, description: string) => page.getByRole("listitem").filter({ hasText: description });
const shows = (page: Page, description: string, text: string) =>
  item(page, description).getByText(text, { exact: true }).waitFor();

// proves run-workflows#configuration, guide-human-in-the-loop#workflow-configuration
// proves guide-human-in-the-loop#workflow-pattern, guide-human-in-the-loop#reportProgress
// proves guide-human-in-the-loop#reportComplete, guide-human-in-the-loop#onWorkflowProgress
// proves guide-human-in-the-loop#runWorkflow, human-in-the-loop#workflow-reports, concept-workflows#human-in-the-loop
test("people approve and refuse expenses, and everybody sees what becomes of them", { timeout }, async (context) => {
  const origin = await (await office(context)).restart();
  const visitors = await people(context, "ada", "bob", "cleo");
  const [ada, bob, cleo] = (await visitors.visit(origin)) as [Page, Page, Page];

  await submit(ada, 30, "Lunch");
  await shows(bob, "Lunch", "waits for approval");
  assert.equal(await item(ada, "Lunch").getByRole("button", { name: "Approve" }).count(), 0);
  await item(bob, "Lunch").getByRole("button", { name: "Approve" }).click();
  await shows(cleo, "Lunch", "paid");
  await shows(ada, "Lunch", "Asked for by ada, approved by bob");

  await submit(ada, 2_500, "Trip");
  await shows(bob, "Trip", "waits for approval");
  await submit(bob, 90, "Books");
  await item(bob, "Trip").getByRole("button", { name: "Approve" }).click();
  await shows(ada, "Trip", "Asked for by ada, approved by bob (1 of 2 approvals)");
  await item(cleo, "Books").getByLabel("Why Books is refused").fill("We have them");
  assert.deepEqual(await violations(cleo), []);
  await item(cleo, "Books").getByRole("button", { name: "Refuse" }).click();
  await shows(bob, "Books", "Asked for by bob: We have them");
  await item(cleo, "Trip").getByRole("button", { name: "Approve" }).click();
  await shows(ada, "Trip", "paid");
  visitors.check();
});

// proves concept-workflows#recovery
test("what waits for a person, and what sleeps, goes on after the server was killed", { timeout }, async (context) => {
  const server = await office(context);
  const visitors = await people(context, "ada", "bob");
  const [ada, bob] = (await visitors.visit(await server.restart("8 seconds"))) as [Page, Page];
  await submit(ada, 30, "Sleeper");
  await shows(bob, "Sleeper", "waits for approval");
  await item(bob, "Sleeper").getByRole("button", { name: "Approve" }).click();
  await shows(bob, "Sleeper", "approved, paid on payday");
  await submit(ada, 40, "Waiter");
  await shows(bob, "Waiter", "waits for approval");

  const [, again] = (await visitors.visit(await server.restart("1 second"))) as [Page, Page];
  // Nobody asks for this one: the alarm of its agent does, soon.
  await item(again, "Sleeper").getByText("paid", { exact: true }).waitFor({ timeout: 60_000 });
  await shows(again, "Waiter", "waits for approval");
  await item(again, "Waiter").getByRole("button", { name: "Approve" }).click();
  await shows(again, "Waiter", "paid");
});
