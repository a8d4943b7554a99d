import assert from "node:assert/strict";
import type { Scenario } from "../harness/scenario.ts";

export const messages: Scenario[] = [
  {
    name: "a text reaches `onMessage`, and the answer comes back",
    async run(pair) {
      const { client, messages } = pair.session();
      client.send("hello");
      assert.equal(await messages.first(), "echo:hello");
    }
  },
  {
    name: "every kind of text, and an empty one",
    async run(pair) {
      const { client, messages } = pair.session();
      const texts = ["", "𝒢🦊 \u0000\u2028", "ping", "{not json", '"json"', "null", "x".repeat(300_000)];
      for (const text of texts) client.send(text);
      assert.deepEqual(
        await messages.reaches(texts.length),
        texts.map((text) => `echo:${text}`)
      );
    }
  },
  {
    name: "bytes reach `onMessage` as bytes, and come back",
    async run(pair) {
      const { client, messages, opens } = pair.session();
      await opens.first();
      client.send(new Uint8Array([0, 255, 1, 128]));
      client.send(new Uint8Array([7]).buffer);
      const [first, second] = await messages.reaches(2);
      assert.deepEqual([...new Uint8Array(first as ArrayBuffer)], [0, 255, 1, 128]);
      assert.deepEqual([...new Uint8Array(second as ArrayBuffer)], [7]);
    }
  },
  {
    name: "JSON that is no frame reaches `onMessage`, whatever its type",
    async run(pair) {
      const { client, messages } = pair.session();
      const texts = [
        '{"type":"mine"}',
        '{"type":7}',
        '{"type":"rpc","id":"1"}',
        '{"type":"rpc","id":1,"method":"add","args":[1,2]}',
        "[1]"
      ];
      for (const text of texts) client.send(text);
      assert.deepEqual(
        await messages.reaches(texts.length),
        texts.map((text) => `echo:${text}`)
      );
    }
  },
  {
    name: "a broadcast reaches everybody, or everybody else",
    async run(pair) {
      const one = pair.session();
      const other = pair.session({ name: one.name });
      await Promise.all([one.settled(), other.settled()]);
      one.client.send("all:you");
      one.client.send("others:but me");
      assert.deepEqual(await other.messages.reaches(2), ["all:you", "others:but me"]);
      await one.settled();
      assert.deepEqual(one.messages.items, ["all:you"]);
    }
  },
  {
    name: "messages that are sent before there is a connection arrive, in order",
    async run(pair) {
      const { client, messages } = pair.session();
      for (let n = 0; n < 20; n++) client.send(String(n));
      assert.deepEqual(
        await messages.reaches(20),
        Array.from({ length: 20 }, (_, n) => `echo:${n}`)
      );
    }
  },
  {
    name: "a connection without frames of the protocol gets messages and answers, and nothing else",
    async run(pair) {
      const quiet = pair.session({ query: { protocol: "off" } });
      const writer = pair.session({ name: quiet.name });
      await Promise.all([quiet.opens.first(), writer.states.first()]);
      assert.equal((await quiet.call("connected")).protocol, false);
      writer.client.setState({ n: 1 });
      writer.client.send("all:hello");
      assert.equal(await quiet.messages.first(), "all:hello");
      assert.deepEqual(new Set(quiet.frames.items), new Set(["rpc"]));
      assert.deepEqual(quiet.states.items, []);
    }
  }
];
