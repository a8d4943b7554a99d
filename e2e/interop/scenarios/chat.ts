import assert from "node:assert/strict";
import { textOf } from "../harness/chat-page.ts";
import type { Scenario } from "../harness/scenario.ts";
import { assertShowsStored, assertStoredCall, stored } from "../harness/stored.ts";
import { versions } from "../harness/versions.ts";

export const chat: Scenario[] = [
  {
    name: "chat: a question is answered and stored",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      assert.equal(await page.ask("hello"), "You said “hello”, message 1.");
      assert.equal(await page.ask("again"), "You said “again”, message 3.");
      await assertShowsStored(pair, page, name);
      assert.equal((await page.messages()).length, 4);
    }
  },
  {
    name: "chat: the history is there after a reload",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.ask("hello");
      await page.reload();
      await page.has(2);
      await assertShowsStored(pair, page, name);
      assert.equal(await page.ask("again"), "You said “again”, message 3.");
    }
  },
  {
    name: "chat: another page sees question and answer while they come",
    async run(pair) {
      const name = pair.unique();
      const asking = await pair.page({ name });
      const watching = await pair.page({ name });
      await asking.say("hold");
      await watching.shows(/one two /);
      await asking.shows(/one two /);
      await asking.call("release");
      await watching.shows(/one two three/);
      await asking.shows(/one two three/);
      await asking.status("ready");
      await watching.status("ready");
      await watching.has(2);
      await assertShowsStored(pair, watching, name);
      await assertShowsStored(pair, asking, name);
    }
  },
  {
    name: "chat: another page asks next",
    async run(pair) {
      const name = pair.unique();
      const one = await pair.page({ name });
      const other = await pair.page({ name });
      await one.ask("first");
      await other.has(2);
      assert.equal(await other.ask("second"), "You said “second”, message 3.");
      await one.shows(/You said “second”, message 3\./);
      await one.status("ready");
      await assertShowsStored(pair, one, name);
    }
  },
  {
    name: "chat: a stream goes on after a reload in the middle of it",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.say("hold");
      await page.shows(/one two /);
      await page.reload();
      await page.shows(/^one two $/);
      await page.call("release");
      await page.shows(/^one two three$/);
      await page.status("ready");
      await page.has(2);
      await assertShowsStored(pair, page, name);
    }
  },
  {
    name: "chat: an answer is finished when everybody has left",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.say("hold");
      await page.shows(/one two /);
      await page.page.close();
      const session = pair.session({ agent: "Chat", name });
      await session.call("release");
      const back = await pair.page({ name });
      await back.shows(/^one two three$/);
      await back.has(2);
    }
  },
  {
    name: "chat: stop ends an answer, keeps what was said, and the conversation goes on",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.say("hold");
      await page.shows(/one two /);
      await page.page.evaluate(() => window.chat.stop());
      await page.status("ready");
      assert.equal(await page.lastText(), "one two ");
      assert.match(await page.ask("more"), /You said “more”/);
      await stored(pair, name, (messages) =>
        assert.deepEqual(messages.map(textOf).slice(0, 3), ["hold", "one two ", "more"])
      );
    }
  },
  {
    name: "chat: cleared is cleared, in the other page too",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      const other = await pair.page({ name });
      await page.ask("hello");
      await other.has(2);
      await page.page.evaluate(() => window.chat.clearHistory());
      await page.has(0);
      await other.has(0);
      assert.equal(await page.ask("anew"), "You said “anew”, message 1.");
      await stored(pair, name, ({ length }) => assert.equal(length, 2));
    }
  },
  {
    name: "chat: regenerate gives another answer to the same question",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.ask("hello");
      const [question, answer] = await page.messages();
      await page.page.evaluate(() => void window.chat.regenerate());
      await page.until(
        (id) =>
          window.chat.messages.length === 2 && window.chat.messages[1]!.id !== id && window.chat.status === "ready",
        answer!.id
      );
      const messages = await page.messages();
      assert.equal(messages[0]!.id, question!.id);
      assert.equal(textOf(messages[1]), "You said “hello”, message 1.");
      await assertShowsStored(pair, page, name);
    }
  },
  {
    name: "chat: a tool of the server runs by itself",
    async run(pair) {
      const page = await pair.page({ name: pair.unique() });
      assert.equal(await page.ask("weather"), 'The tool says [{"city":"Oslo","degrees":7}].');
      const part = (await page.messages()).at(-1)!.parts.find(({ type }) => type === "tool-weather");
      assert.equal(part?.state, "output-available");
    }
  },
  {
    name: "chat: a tool of the browser is answered there, and the conversation goes on",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name, answers: true });
      await page.say("place");
      await page.shows(/The tool says \[\{"place":"here"\}\]\./);
      await page.status("ready");
      await page.has(2);
      await assertStoredCall(pair, name, "place", "output-available");
    }
  },
  {
    name: "chat: a tool of the browser is answered later, in another page",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.say("place");
      await page.partIs("input-available");
      await page.status("ready");
      const other = await pair.page({ name });
      const { toolCallId } = await other.partIs("input-available");
      await other.page.evaluate(
        (id) => window.chat.addToolOutput({ toolCallId: id, tool: "place", output: { place: "there" } } as never),
        toolCallId!
      );
      await other.shows(/The tool says \[\{"place":"there"\}\]\./);
      await page.shows(/The tool says \[\{"place":"there"\}\]\./);
    }
  },
  {
    name: "chat: a tool that is approved runs",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.say("pay");
      const { approval } = await page.partIs("approval-requested");
      await page.status("ready");
      await page.page.evaluate((id) => window.chat.addToolApprovalResponse({ id, approved: true }), approval!.id);
      await page.shows(/The tool says \[\{"paid":5\}\]\./);
      await page.status("ready");
      await assertStoredCall(pair, name, "pay", "output-available");
    }
  },
  {
    name: "chat: an approval waits through a reload and a restart of the server",
    async run(pair) {
      const page = await pair.page({ name: pair.unique() });
      await page.say("pay");
      await page.partIs("approval-requested");
      await page.status("ready");
      await pair.server.kill();
      await pair.server.run();
      await page.reload();
      const { approval } = await page.partIs("approval-requested");
      await page.page.evaluate((id) => window.chat.addToolApprovalResponse({ id, approved: true }), approval!.id);
      await page.shows(/The tool says \[\{"paid":5\}\]\./);
    }
  },
  {
    name: "chat: a tool that is denied does not run, and the model is told",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.say("pay");
      const { approval } = await page.partIs("approval-requested");
      await page.status("ready");
      await page.page.evaluate((id) => window.chat.addToolApprovalResponse({ id, approved: false }), approval!.id);
      await page.shows(/The tool says /);
      await page.status("ready");
      assert.doesNotMatch(await page.lastText(), /paid/);
      await assertStoredCall(pair, name, "pay", "output-denied");
    }
  },
  {
    name: "chat: an answer that is plain text",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      assert.equal(await page.ask("plain"), "Plain text, ünïcödé.");
      await stored(pair, name, ([, answer]) => assert.equal(textOf(answer), "Plain text, ünïcödé."));
    }
  },
  {
    name: "chat: an error of `onChatMessage` reaches the page, and the conversation goes on",
    absent: versions.map((version) => ({
      version,
      direction: "our client, their server",
      reason: "this server says nothing to anybody when `onChatMessage` throws; its own client waits for ever too"
    })),
    async run(pair) {
      const page = await pair.page({ name: pair.unique() });
      await page.say("throw");
      await page.status("error");
      assert.match(await page.page.evaluate(() => window.chat.error!.message), /The model is away/);
      assert.match(await page.ask("better"), /You said “better”/);
    }
  },
  {
    name: "chat: a model that breaks in the middle is an error, and the conversation goes on",
    absent: [
      {
        version: "0.8.7",
        direction: "our client, their server",
        reason: "this server ends the answer as if it were complete"
      }
    ],
    async run(pair) {
      const page = await pair.page({ name: pair.unique() });
      await page.say("fail");
      await page.until(() => window.chat.error !== undefined);
      assert.match(await page.ask("better"), /You said “better”/);
    }
  },
  {
    name: "chat: data of the page reaches `onChatMessage`",
    async run(pair) {
      const page = await pair.page({ name: pair.unique() });
      assert.match(await page.ask("body"), /^You sent .*"page":1/);
    }
  },
  {
    name: "chat: messages that the page sets are the agent's, and the other page's",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      const other = await pair.page({ name });
      await page.ask("hello");
      await other.has(2);
      await page.page.evaluate(() =>
        window.chat.setMessages([{ id: "set-1", role: "user", parts: [{ type: "text", text: "set by the page" }] }])
      );
      await other.until(() => window.chat.messages.some(({ id }) => id === "set-1"));
      await stored(pair, name, (messages) => assert.ok(messages.some(({ id }) => id === "set-1")));
    }
  },
  {
    name: "chat: what the agent says by itself appears",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.call("note", ["By the way"]);
      await page.shows(/By the way/);
      await page.call("say", ["asked by the agent"]);
      await page.shows(/You said “asked by the agent”, message 2\./);
      await page.status("ready");
      await page.has(3);
      await assertShowsStored(pair, page, name);
    }
  },
  {
    name: "chat: the conversation goes on after the server was killed in the middle of an answer",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ name });
      await page.ask("first");
      await page.say("hold");
      await page.shows(/one two /);
      await pair.server.kill();
      await page.until(() => window.events.some(({ type }) => type === "close"));
      await pair.server.run();
      await page.reload();
      await page.until(() => window.chat.messages.length >= 3);
      if (pair.direction === "their client, our server") {
        // It asks the model again by itself, which is held again.
        await page.call("release");
        await page.shows(/^one two three$/);
        await page.status("ready");
      } else {
        // It offers what was cut as if that went on, unless it knows better. Whatever it shows of it is stopped.
        await page.until(() => {
          const isOver = window.events.some(({ type }) => /resume_none|done|stopped/.test(type));
          if (window.chat.status === "ready") return isOver;
          if (!isOver && window.chat.status === "streaming") {
            window.events.push({ type: "stopped", value: null });
            void window.chat.stop();
          }
          return false;
        });
      }
      assert.match(await page.ask("later"), /You said “later”/);
      await stored(pair, name, (messages) =>
        assert.deepEqual(messages.filter(({ role }) => role === "user").map(textOf), ["first", "hold", "later"])
      );
    }
  }
];
