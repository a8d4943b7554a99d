import assert from "node:assert/strict";
import { suite } from "node:test";
import { scenario } from "../harness/scenario.ts";
import { textOf } from "../harness/server.ts";

suite("History", { concurrency: 2 }, () => {
  scenario(["history-survives-reload"], "A reload shows the same messages in the same order", async (stage) => {
    const tab = await stage.tab();
    await tab.askAndWait("Hello");
    await tab.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/);
    await tab.askAndWait("My name is Ada");
    assert.match(await tab.askAndWait("What is my name?"), /Your name is Ada/);

    const before = await tab.shownMessages();
    assert.deepEqual(before.map(({ role }) => role).join(" "), "user assistant ".repeat(4).trim());
    await tab.reload();
    assert.deepEqual(await tab.shownMessages(), before);
    assert.deepEqual(
      (await stage.storedMessages()).map(({ id }) => id),
      before.map(({ id }) => id)
    );
  });

  scenario(["clear-history"], "Cleared history is gone here, in the other tab and after a reload", async (stage) => {
    const [first, second] = [await stage.tab(), await stage.tab()];
    await first.askAndWait("Hello");
    await second.answer();
    await first.clearHistory();

    const empty = { name: "What would you like to know?" };
    for (const tab of [first, second]) {
      await tab.page.getByRole("heading", empty).waitFor();
      assert.equal(await tab.messages.count(), 0);
      assert.ok(await tab.button("Clear history").isDisabled());
    }
    assert.deepEqual(await stage.storedMessages(), []);
    await second.reload();
    assert.equal(await second.messages.count(), 0);

    // It is a conversation like any new one.
    assert.match(await second.askAndWait("What did I say first?"), /first|nothing/i);
    await first.answer();
    assert.deepEqual(await first.shownMessages(), await second.shownMessages());
  });

  scenario(["clear-history"], "History cleared in the middle of an answer stays empty", async (stage) => {
    const tab = await stage.tab();
    await tab.ask("Count to 500");
    await tab.answerHas("20,");
    await tab.clearHistory();
    await tab.page.getByRole("heading", { name: "What would you like to know?" }).waitFor();
    await tab.status("ready");
    await tab.askAndWait("Count to 3", /every number up to 3\./);
    assert.equal(await tab.messages.count(), 2);
    await tab.reload();
    assert.equal(await tab.messages.count(), 2);
    assert.equal((await stage.storedMessages()).length, 2);
  });

  scenario(["stop-answer"], "A stopped answer keeps what was said, and the next question works", async (stage) => {
    const tab = await stage.tab();
    await tab.ask("Count to 500");
    await tab.answerHas("30,");
    await tab.stop();
    await tab.status("ready");
    await tab.button("Send message").waitFor();

    const stored = await stage.storedMessages();
    const text = textOf(stored.at(-1)!);
    assert.match(text, /30,/);
    assert.doesNotMatch(text, /500/);
    const shown = await tab.shownMessages();
    await tab.reload();
    assert.deepEqual(await tab.shownMessages(), shown);

    assert.match(await tab.askAndWait("Count to 3"), /every number up to 3\./);
    assert.equal(await tab.messages.count(), 4);
  });
});
