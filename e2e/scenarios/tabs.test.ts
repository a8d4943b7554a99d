import assert from "node:assert/strict";
import { suite } from "node:test";
import { lostConnection, scenario } from "../harness/scenario.ts";

suite("Tabs", { concurrency: 2 }, () => {
  scenario(
    ["live-in-all-clients", "stream-answers"],
    "Another tab sees question and answer while they are made",
    async (stage) => {
      const asking = await stage.tab();
      const watching = await stage.tab({ context: await stage.browser() });
      await asking.ask("Count to 200");
      await watching.messages.getByText("Count to 200").waitFor();
      await watching.answerHas("20,");
      await watching.status("streaming");

      // One that comes in the middle sees the beginning too.
      const late = await stage.tab({ context: await stage.browser() });
      await late.status("streaming");

      const answer = await asking.answer(/every number up to 200/);
      const shown = await asking.shownMessages();
      for (const tab of [watching, late]) {
        assert.equal(await tab.answer(/every number up to 200/), answer);
        assert.deepEqual(await tab.shownMessages(), shown);
        assert.ok((await tab.record()).answers.length > 20, "It streamed here as well");
      }

      // Anybody may go on.
      await late.askAndWait("Count to 3", /every number up to 3\./);
      for (const tab of [asking, watching]) {
        await tab.answer(/every number up to 3\./);
        assert.deepEqual(await tab.shownMessages(), await late.shownMessages());
      }
    }
  );

  scenario(["live-in-all-clients", "tool-approval"], "Another tab may approve", async (stage) => {
    const asking = await stage.tab();
    const approving = await stage.tab({ context: await stage.browser() });
    await asking.ask("What is 5000 times 3?");
    await approving.button("Approve").click();
    for (const tab of [asking, approving]) assert.match(await tab.answer(/=/), /15,?000/);
    assert.deepEqual(await asking.shownMessages(), await approving.shownMessages());
  });

  scenario(
    ["live-in-all-clients", "tool-in-browser"],
    "A tool of the browser is answered once, by the tab that asked",
    async (stage) => {
      const asking = await stage.tab({ context: await stage.browser({ timezoneId: "Pacific/Auckland" }) });
      const watching = await stage.tab({ context: await stage.browser({ timezoneId: "America/Bogota" }) });
      await asking.ask("What timezone am I in?");
      for (const tab of [asking, watching]) {
        assert.match(await tab.answer(/where it is now/), /Pacific\/Auckland/);
        assert.equal(await tab.tool("getUserTimezone").count(), 1);
      }
      assert.equal((await stage.storedMessages()).length, 2);
    }
  );

  scenario(["state-in-all-clients"], "State that one tab sets is in the other at once, both ways", async (stage) => {
    const first = await stage.tab();
    const second = await stage.tab({ context: await stage.browser() });

    await first.preferences.getByLabel("Shared notes").fill("Ada likes short answers");
    await second.preferences.getByText("Ada likes short answers").waitFor();
    await second.preferences.getByRole("radio", { name: "Fahrenheit" }).check();
    await first.preferences.getByRole("radio", { name: "Fahrenheit", checked: true }).waitFor();
    await second.preferences.getByLabel("Assistant name").fill("Grace");
    await first.page.waitForFunction(
      () => document.querySelector<HTMLInputElement>("[data-testid=state-panel] input")?.value === "Grace"
    );

    // The agent reads it, and writes it.
    assert.match(await first.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/), /°F/);
    for (const tab of [first, second]) {
      await tab.page.getByTestId("turns").getByText("1", { exact: true }).waitFor();
      await tab.page.getByRole("article", { name: "Grace" }).waitFor();
    }

    await second.reload();
    assert.equal(await second.preferences.getByLabel("Assistant name").inputValue(), "Grace");
    assert.equal(await second.preferences.getByLabel("Shared notes").inputValue(), "Ada likes short answers");

    await first.button("Reset preferences").click();
    await second.preferences.getByRole("radio", { name: "Celsius", checked: true }).waitFor();
  });

  scenario(
    ["live-in-all-clients", "reconnect-by-itself"],
    "What others say while there is no connection is there when there is one",
    async (stage) => {
      const network = await stage.network();
      const away = await stage.tab({ url: network.url });
      const talking = await stage.tab({ context: await stage.browser() });
      await talking.askAndWait("Hello");
      await away.answer();
      network.cut();
      await away.connection("disconnected");
      await talking.askAndWait("Count to 3", /every number up to 3\./);
      // And this is still going on then.
      await talking.ask("Count to 800");
      await talking.answerHas("20,");
      network.restore();
      await away.connection("connected");
      await away.messages.getByText("Count to 800").waitFor();
      await away.answerHas("20,");
      assert.equal(await away.messages.count(), 6);
      await talking.stop();
      await talking.status("ready");
      await away.status("ready");
      assert.deepEqual(await away.shownMessages(), await talking.shownMessages());
    },
    { expectedErrors: lostConnection }
  );

  scenario(
    ["live-in-all-clients", "history-survives-reload"],
    "Messages that could not be loaded at first are loaded later",
    async (stage) => {
      const tab = await stage.tab();
      await tab.askAndWait("Hello");
      const shown = await tab.shownMessages();
      let failures = 1;
      await tab.page.route("**/get-messages", (route) => (failures-- > 0 ? route.abort() : route.continue()));
      await tab.reload();
      await tab.answer(/Hello!/);
      assert.deepEqual(await tab.shownMessages(), shown);
    },
    { expectedErrors: lostConnection }
  );
});
