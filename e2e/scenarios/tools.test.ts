import assert from "node:assert/strict";
import { suite } from "node:test";
import { scenario } from "../harness/scenario.ts";

suite("Tools", { concurrency: 2 }, () => {
  scenario(["stream-answers", "tool-on-server"], "A tool runs on the server, and the answer streams", async (stage) => {
    const tab = await stage.tab();
    const answer = await tab.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/);
    assert.match(answer, /Temperature\s+\d+ °C/);

    const { tools, answers, statuses } = await tab.record();
    assert.deepEqual(tools, [
      "getWeather input-streaming",
      "getWeather input-available",
      "getWeather output-available"
    ]);
    assert.ok(answers.length > 5, `The answer came in ${answers.length} steps`);
    assert.deepEqual(statuses.slice(0, 4), ["ready", "submitted", "streaming", "ready"]);
  });

  scenario(["tool-in-browser"], "A tool runs in the browser, which knows its timezone", async (stage) => {
    const auckland = await stage.tab({ context: await stage.browser({ timezoneId: "Pacific/Auckland" }) });
    await auckland.ask("What timezone am I in?");
    assert.match(await auckland.answer(/where it is now/), /timezone Pacific\/Auckland, where it is now \d+:\d\d/);
    await auckland.tool("getUserTimezone", "output-available").waitFor();

    const context = await stage.browser({ timezoneId: "America/Bogota" });
    const bogota = await stage.tab({ context, chat: `${stage.chat}-2` });
    assert.match(await bogota.askAndWait("What timezone am I in?", /where it is now/), /America\/Bogota/);
  });

  scenario(["tool-approval"], "A tool that needs approval runs once it is given", async (stage) => {
    const tab = await stage.tab();
    await tab.ask("What is 5000 times 3?");
    await tab.approval.waitFor();
    await tab.status("ready");
    assert.match(await tab.approval.innerText(), /Calculator with 5000 × 3/);
    const [, waiting] = await stage.storedMessages();
    assert.ok(waiting?.parts.some(({ state }) => state === "approval-requested"));
    assert.ok(!JSON.stringify(waiting).includes("15000"), "Nothing has been calculated");

    await tab.button("Approve").click();
    assert.match(await tab.answer(/=/), /5000 × 3 = 15,?000/);
    await tab.tool("calculate", "output-available").waitFor();
    assert.equal(await tab.approval.count(), 0);
  });

  scenario(["tool-approval"], "A tool that is rejected does not run, and the assistant says so", async (stage) => {
    const tab = await stage.tab();
    await tab.ask("What is 5000 times 3?");
    await tab.button("Reject").click();
    assert.match(await tab.answer(/declined/), /You declined, so I did not calculate 5000 × 3/);
    await tab.tool("calculate", "output-denied").waitFor();
    assert.ok(!JSON.stringify(await stage.storedMessages()).includes("15000"));

    // Small numbers ask nobody.
    assert.match(await tab.askAndWait("What is 20 times 3?", /=/), /20 × 3 = 60/);
  });

  scenario(["failed-answer"], "An answer that fails says why, and can be tried again", async (stage) => {
    const tab = await stage.tab();
    await tab.ask("Simulate an error for the tools");
    await tab.page.getByRole("alert").getByText("The demo model failed on purpose.").waitFor();
    await tab.status("error");
    await tab.button("Retry").click();
    assert.match(await tab.answer(/worked/), /This time it worked/);
    assert.equal(await tab.page.getByRole("alert").count(), 0);
    assert.deepEqual(
      (await stage.storedMessages()).map(({ role }) => role),
      ["user", "assistant"]
    );
  });
});
