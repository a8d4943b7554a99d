import assert from "node:assert/strict";
import { suite } from "node:test";
import { copyReply, counted } from "../harness/answers.ts";
import type { ChatTab } from "../harness/chat-tab.ts";
import { eventually } from "../harness/eventually.ts";
import { scenario, lostConnection } from "../harness/scenario.ts";
import { textOf } from "../harness/server.ts";

const story = { question: "Tell me a long story", end: /The end\./, timeoutMs: 45_000 };

suite("Streams", { concurrency: 2 }, () => {
  scenario(
    ["stream-survives-reload"],
    "An answer that streams through reloads is the answer of an undisturbed run, to the letter",
    async (stage) => {
      const undisturbed = await stage.tab({ chat: `${stage.chat}-undisturbed` });
      const tab = await stage.tab();
      await Promise.all([undisturbed.ask(story.question), tab.ask(story.question)]);

      await tab.answerHas("stood a lighthouse");
      await tab.reload();
      await tab.answerHas("The keeper");
      assert.equal(await tab.page.getByTestId("chat-status").getAttribute("data-status"), "streaming");
      await tab.answerHas("What the notebook held");
      await tab.reload();

      const expected = await undisturbed.answer(story.end, story.timeoutMs);
      assert.equal(await tab.answer(story.end, story.timeoutMs), expected);
      assert.ok((await tab.record()).answers.length > 20, "It went on live after the reload");
      await oneAnswer(tab);

      const [, reference] = await stage.server.storedMessages(`${stage.chat}-undisturbed`);
      const [, stored] = await stage.storedMessages();
      assert.equal(textOf(stored!), textOf(reference!));
      assert.equal(await copyReply(tab), textOf(reference!), "What the page has is what is stored");
      await tab.reload();
      assert.equal(await tab.shownAnswer(), expected);
    },
    { timeoutMs: 90_000 }
  );

  scenario(
    ["stream-survives-lost-connection", "reconnect-by-itself"],
    "An answer that streams through lost connections loses nothing",
    async (stage) => {
      const network = await stage.network();
      const tab = await stage.tab({ url: network.url });
      await tab.ask("Count to 500");
      for (const heard of ["40,", "90,"]) {
        await tab.answerHas(heard);
        network.cut();
        await tab.connection("disconnected");
        network.restore();
        await tab.connection("connected");
      }
      await tab.answer(/every number up to 500/, 30_000);
      assert.equal(await copyReply(tab), counted(500));
      assert.equal(textOf((await stage.storedMessages())[1]!), counted(500));
      await oneAnswer(tab);
      assert.match(await tab.askAndWait("Count to 3"), /every number up to 3\./);
    },
    { expectedErrors: lostConnection }
  );

  scenario(
    ["stream-survives-lost-connection"],
    "An answer that ends while there is no connection is complete when there is one",
    async (stage) => {
      const network = await stage.network();
      const tab = await stage.tab({ url: network.url });
      await tab.ask("Count to 100");
      await tab.answerHas("30,");
      network.cut();
      await tab.connection("disconnected");
      await eventually("the answer is stored", 15_000, async () => (await stage.storedMessages()).length === 2);
      network.restore();
      await tab.answer(/every number up to 100/);
      assert.equal(await copyReply(tab), counted(100));
      await oneAnswer(tab);
    },
    { expectedErrors: lostConnection }
  );

  scenario(
    ["stream-survives-lost-connection"],
    "A question that is asked while there is no connection is answered when there is one",
    async (stage) => {
      const network = await stage.network();
      const tab = await stage.tab({ url: network.url });
      network.cut();
      await tab.connection("disconnected");
      await tab.ask("Count to 20");
      network.restore();
      await tab.answer(/every number up to 20/);
      await oneAnswer(tab);
      assert.equal((await stage.storedMessages()).length, 2);
    },
    { expectedErrors: lostConnection }
  );

  scenario(["stream-without-client"], "An answer is finished when everybody has left", async (stage) => {
    const context = await stage.browser();
    const tab = await stage.tab({ context });
    await tab.ask("Count to 200");
    await tab.answerHas("20,");
    await tab.page.close();
    await eventually("the answer is stored", 20_000, async () => (await stage.storedMessages()).length === 2);
    const back = await stage.tab({ context });
    assert.match(await back.answer(), /every number up to 200/);
    assert.equal(textOf((await stage.storedMessages())[1]!), counted(200));
  });
});

/** Whatever happened, there has never been anything but one question and one answer, with one id each. */
async function oneAnswer(tab: ChatTab): Promise<void> {
  assert.deepEqual(
    (await tab.shownMessages()).map(({ role }) => role),
    ["user", "assistant"]
  );
  const { ids } = await tab.record();
  const most = Math.max(...ids.map((list) => list.split(" ").length));
  assert.equal(most, 2, `The page has shown ${most} messages: ${JSON.stringify(ids)}`);
  assert.equal(new Set(ids.flatMap((list) => list.split(" ")).filter(Boolean)).size, 2, JSON.stringify(ids));
}
