import { describe, expect, it } from "vitest";
import { eachSeed, fuzzSeeds, mutate } from "../test/random";
import { readCall } from "./call-text";

const call = (args: string, id = "1", method = "m") =>
  `{"type":"rpc","id":"${id}","method":"${method}","args":${args}}`;

const padded = (length: number) => call(`["${"a".repeat(length - call('[""]').length)}"]`);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

describe("[P1] the text of a call", () => {
  it.each([
    call("[]"),
    call("[1,2]", "", ""),
    call('[{"id":"2","args":[]},"]}"]', "0d4c3a8e-5f0e-4d3b-9f8e-6d1f2a3b4c5d", "größer"),
    call('[ "a" ]', "\u007f\u2028\ud800"),
    call('[{"__proto__":{"a":1}}]', "__proto__", "constructor"),
    padded(4_096)
  ])("%j is read as what it says", (text) => expect(readCall(text)).toStrictEqual(JSON.parse(text)));

  it.each([
    ["has more fields", call('[],"credit":16')],
    ["has more fields, and ends as one that has not", call('[],"later":[]')],
    ["says a field twice", call('[],"args":[1]')],
    ["has its fields in another order", '{"id":"1","type":"rpc","method":"m","args":[]}'],
    ["is another frame", '{"type":"rpc2","id":"1","method":"m","args":[]}'],
    ["has an escape", call("[]", "\\u0031")],
    ["has a character that must be escaped", call("[]", "\n")],
    ["has arguments that are none", call('{"a":[]}')],
    ["has a number for an id", '{"type":"rpc","id":1,"method":"m","args":[]}'],
    ["has something before it", ` ${call("[]")}`],
    ["has something behind it", `${call("[]")} `],
    ["does not end", call("[]").slice(0, -1)],
    ["does not end, and has one bracket more", call("[]").replace("}", "]")],
    ["is no JSON", call("[}]")],
    ["is as long as a message of which nothing is to be kept", padded(4_097)]
  ])("that %s is left to the parser", (_what, text) => expect(readCall(text)).toBe(undefined));

  it(`mutated at random is read as the parser reads it, or not at all (${fuzzSeeds} seeds)`, async () => {
    await eachSeed((random) => {
      const args = random.pick([[], [1], ["]}", "\\"], [{ id: "2", args: [] }]]);
      const text = mutate({ type: "rpc", id: "12", method: "add", args }, random);
      const parsed = parse(text);
      expect(readCall(text) ?? parsed, text).toStrictEqual(parsed);
    });
  });
});
