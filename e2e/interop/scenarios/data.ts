import assert from "node:assert/strict";
import { textOf } from "../harness/chat-page.ts";
import type { Pair } from "../harness/pair.ts";
import type { Scenario } from "../harness/scenario.ts";
import { assertShowsStored, assertStoredCall, stored } from "../harness/stored.ts";

/** From here on, our server has the databases. */
const ours = (pair: Pair): Promise<void> => pair.server.become("ours");

/** Resolves when the second that it is has passed. */
const nextSecond = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000)));

/** A scenario that begins on the published server. */
const scenario = (name: string, run: (pair: Pair) => Promise<void>): Scenario => ({
  name,
  async run(pair) {
    await pair.server.become(pair.version);
    await run(pair);
  }
});

/** What a published server has written, read and gone on with by ours. */
export const data: Scenario[] = [
  scenario("the state is there, and is changed", async (pair) => {
    const before = pair.session();
    await before.call("set", [{ n: 3, text: "𝒢🦊" }]);
    await ours(pair);
    const after = pair.session({ name: before.name });
    assert.deepEqual((await after.states.first()).state, { n: 3, text: "𝒢🦊" });
    await after.call("set", [{ n: 4 }]);
    assert.deepEqual((await pair.session({ name: before.name }).states.first()).state, { n: 4 });
  }),
  scenario("a state of a megabyte is there", async (pair) => {
    const before = pair.session();
    const state = { n: 1, text: "0123456789abcdef".repeat(65_536) };
    await before.call("set", [state]);
    await ours(pair);
    await pair.session({ name: before.name }).sees(state);
  }),
  scenario("an agent knows its name", async (pair) => {
    const before = pair.session({ name: `${pair.unique()}:user@host.example` });
    await before.call("set", [{ n: 1 }]);
    await ours(pair);
    const after = pair.session({ name: before.name });
    await after.sees({ n: 1 });
    assert.equal((await after.call("connected")).name, before.name);
  }),
  scenario("an agent whose name had to be encoded has the name that it was given there", async (pair) => {
    const before = pair.session({ name: `${pair.unique()} ü 🦊` });
    await before.call("set", [{ n: 1 }]);
    // These servers take a name as the URL spells it; ours reads the URL.
    const { name } = await before.call("connected");
    before.client.close();
    await ours(pair);
    const after = pair.session({ name });
    await after.sees({ n: 1 });
    assert.equal((await after.call("connected")).name, name);
  }),
  scenario("rows of the program's own tables are there", async (pair) => {
    const before = pair.session();
    await before.call("store", ["theirs"]);
    await ours(pair);
    const after = pair.session({ name: before.name });
    await after.call("store", ["ours"]);
    assert.deepEqual(await after.call("stored"), ["theirs", "ours"]);
  }),
  scenario("a client that is connected goes on with our server, and takes part in more", async (pair) => {
    const session = pair.session();
    await session.call("set", [{ n: 1 }]);
    await ours(pair);
    await session.opens.reaches(2);
    await session.frames.first((type) => type === "cf_agent_hello");
    session.client.setState({ n: 2 });
    await session.frames.first((type) => type === "cf_agent_state_ack");
    assert.deepEqual((await pair.session({ name: session.name }).states.first()).state, { n: 2 });
  }),
  scenario("and back: the published server reads what ours has written", async (pair) => {
    const session = pair.session();
    await session.call("set", [{ n: 1 }]);
    await ours(pair);
    await session.call("set", [{ n: 2 }]).catch(() => session.call("set", [{ n: 2 }]));
    await session.call("store", ["ours"]);
    await pair.server.become(pair.version);
    const after = pair.session({ name: session.name });
    assert.deepEqual((await after.states.first()).state, { n: 2 });
    assert.deepEqual(await after.call("stored"), ["ours"]);
    await after.call("set", [{ n: 3 }]);
    await ours(pair);
    assert.deepEqual((await pair.session({ name: session.name }).states.first()).state, { n: 3 });
  }),
  scenario("chat: messages are there, with their ids and in order, and the conversation goes on", async (pair) => {
    const name = pair.unique();
    const page = await pair.page({ name });
    await page.ask("first");
    await page.ask("second");
    const before = await stored(pair, name, ({ length }) => assert.equal(length, 4));
    await ours(pair);
    assert.deepEqual(await stored(pair, name), before);
    const after = await pair.page({ name });
    assert.equal(await after.ask("third"), "You said “third”, message 5.");
    await assertShowsStored(pair, after, name);
    assert.deepEqual((await stored(pair, name)).slice(0, 4), before);
  }),
  scenario("chat: results of tools are there", async (pair) => {
    const name = pair.unique();
    const page = await pair.page({ name });
    await page.ask("weather");
    const before = await stored(pair, name, ({ length }) => assert.equal(length, 2));
    await ours(pair);
    assert.deepEqual(await stored(pair, name), before);
    assert.match(await (await pair.page({ name })).ask("and then"), /You said “and then”/);
  }),
  scenario("chat: an approval that waits is given to our server", async (pair) => {
    const name = pair.unique();
    const page = await pair.page({ name });
    await page.say("pay");
    await page.partIs("approval-requested");
    await page.status("ready");
    await assertStoredCall(pair, name, "pay", "approval-requested");
    await ours(pair);
    const after = await pair.page({ name });
    const { approval } = await after.partIs("approval-requested");
    await after.page.evaluate((id) => window.chat.addToolApprovalResponse({ id, approved: true }), approval!.id);
    await after.shows(/The tool says \[\{"paid":5\}\]\./);
    await assertStoredCall(pair, name, "pay", "output-available");
  }),
  scenario("chat: a browser's tool that waits is answered to our server", async (pair) => {
    const name = pair.unique();
    const page = await pair.page({ name });
    await page.say("place");
    await page.partIs("input-available");
    await page.status("ready");
    await assertStoredCall(pair, name, "place", "input-available");
    await ours(pair);
    const after = await pair.page({ name, answers: true });
    await after.shows(/The tool says \[\{"place":"here"\}\]\./);
    await assertStoredCall(pair, name, "place", "output-available");
  }),
  scenario("chat: an answer that was cut does not keep the conversation from going on", async (pair) => {
    const name = pair.unique();
    const page = await pair.page({ name });
    await page.ask("first");
    await page.say("hold");
    await page.shows(/one two /);
    await ours(pair);
    const after = await pair.page({ name });
    assert.match(await after.ask("later"), /You said “later”/);
    await assertShowsStored(pair, after, name);
    const messages = await stored(pair, name);
    assert.deepEqual(messages.filter(({ role }) => role === "user").map(textOf), ["first", "hold", "later"]);
  }),
  scenario("chat: what was cleared stays cleared", async (pair) => {
    const name = pair.unique();
    const page = await pair.page({ name });
    await page.ask("hello");
    await page.page.evaluate(() => window.chat.clearHistory());
    await stored(pair, name, ({ length }) => assert.equal(length, 0));
    await ours(pair);
    assert.deepEqual(await stored(pair, name), []);
    assert.equal(await (await pair.page({ name })).ask("anew"), "You said “anew”, message 1.");
  }),
  scenario("chat: and back: the published server reads the conversation that ours has written", async (pair) => {
    const name = pair.unique();
    await (await pair.page({ name })).ask("first");
    await ours(pair);
    const page = await pair.page({ name });
    await page.ask("second");
    await page.ask("weather");
    const written = await stored(pair, name, ({ length }) => assert.equal(length, 6));
    // 0.8.7 writes whole seconds and sorts by them: what it writes in the second in which ours wrote comes before that.
    await nextSecond();
    await pair.server.become(pair.version);
    assert.deepEqual(
      (await stored(pair, name)).map(({ id, role }) => ({ id, role })),
      written.map(({ id, role }) => ({ id, role }))
    );
    assert.match(await (await pair.page({ name })).ask("again"), /You said “again”, message/);
  })
];
