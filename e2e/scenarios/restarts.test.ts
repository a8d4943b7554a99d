import assert from "node:assert/strict";
import { lazyServer, scenario, lostConnection } from "../harness/scenario.ts";
import { copyReply, counted } from "../harness/answers.ts";
import { textOf } from "../harness/server.ts";

// One that may be killed.
const mortal = { server: lazyServer(), expectedErrors: lostConnection };

scenario(
  ["history-survives-restart", "reconnect-by-itself"],
  "After kill -9 the page reconnects by itself, and everything is there",
  async (stage) => {
    const tab = await stage.tab();
    await tab.askAndWait("My name is Ada");
    await tab.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/);
    const before = await tab.shownMessages();

    await stage.server.kill();
    await tab.connection("disconnected");
    assert.deepEqual(await tab.shownMessages(), before);
    await stage.server.start();
    await tab.connection("connected");
    assert.match(await tab.askAndWait("What is my name?"), /Your name is Ada/);

    const after = await tab.shownMessages();
    assert.deepEqual(after.slice(0, before.length), before);
    await tab.reload();
    assert.deepEqual(await tab.shownMessages(), after);
  },
  mortal
);

scenario(
  ["stream-cut-by-restart", "reconnect-by-itself"],
  "After kill -9 in the middle of an answer the page is not stuck, and the next question works",
  async (stage) => {
    const asking = await stage.tab();
    const watching = await stage.tab();
    await asking.ask("Count to 500");
    for (const tab of [asking, watching]) await tab.answerHas("60,");
    await stage.server.restart();

    for (const tab of [asking, watching]) {
      await tab.connection("connected");
      await tab.page
        .locator("[data-testid=chat-status]:is([data-status=ready], [data-status=error])")
        .waitFor({ state: "attached" });
      await tab.button("Send message").waitFor();
    }
    // All but the last moment: chunks are stored in packs, and a pack that is not full goes with the process.
    const [question, partial] = await stage.storedMessages();
    assert.equal(textOf(question!), "Count to 500");
    assert.match(textOf(partial!), /^1, 2, 3, .*21,/s);
    assert.equal(counted(500).indexOf(textOf(partial!)), 0);
    for (const tab of [asking, watching]) assert.equal(await copyReply(tab), textOf(partial!));

    assert.match(await asking.askAndWait("Count to 3"), /every number up to 3\./);
    await watching.answer(/every number up to 3\./);
    const shown = await asking.shownMessages();
    assert.equal(shown.length, 4);
    assert.deepEqual(await watching.shownMessages(), shown);
    await asking.reload();
    assert.deepEqual(await asking.shownMessages(), shown);
  },
  mortal
);

scenario(
  ["approval-waits", "tool-approval", "history-survives-restart"],
  "A question for approval waits through a reload and a restart",
  async (stage) => {
    const tab = await stage.tab();
    await tab.ask("What is 5000 times 3?");
    await tab.approval.waitFor();
    await tab.status("ready");
    await tab.reload();
    await tab.approval.waitFor();
    await stage.server.restart();
    await tab.connection("connected");
    await tab.button("Approve").click();
    assert.match(await tab.answer(/=/), /5000 × 3 = 15,?000/);
    assert.equal(await tab.messages.count(), 2);
  },
  mortal
);
