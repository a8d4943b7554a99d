import { describe, expect, it } from "vitest";
import { eachSeed, fuzzSeeds, mutate } from "../test/random";
import { clientChecks, decodeFrame, type Check, type Decoded } from "./decode";

const checks = new Map<string, Check>(Object.entries(clientChecks));
const decode = (text: string) => decodeFrame(text, (type) => checks.get(type));
const frame = (type: string, fields: object): Decoded => ({ kind: "frame", type, frame: { type, ...fields } });

describe("[P1] a client's frame", () => {
  it.each<[string, Decoded]>([
    ['{"type":"cf_agent_state","state":{"n":1}}', frame("cf_agent_state", { state: { n: 1 } })],
    ['{"type":"cf_agent_state","state":null}', frame("cf_agent_state", { state: null })],
    ['{"type":"rpc","id":"1","method":"add","args":[1,2]}', frame("rpc", { id: "1", method: "add", args: [1, 2] })],
    ['{"type":"rpc","id":"","method":"","args":[]}', frame("rpc", { id: "", method: "", args: [] })],
    [
      '{"type":"rpc","id":"1","method":"m","args":[],"later":true}',
      frame("rpc", { id: "1", method: "m", args: [], later: true })
    ],
    [
      '{"type":"cf_agent_state","state":1,"writeId":"w","ifRevision":0}',
      frame("cf_agent_state", { state: 1, writeId: "w", ifRevision: 0 })
    ],
    [
      '{"type":"cf_agent_state","state":1,"writeId":"w","ifRevision":2,"ifEpoch":"e"}',
      frame("cf_agent_state", { state: 1, writeId: "w", ifRevision: 2, ifEpoch: "e" })
    ],
    ['{"type":"cf_agent_state_pull"}', frame("cf_agent_state_pull", {})],
    ['{"type":"cf_agent_ping"}', frame("cf_agent_ping", {})],
    [
      '{"type":"rpc","id":"1","method":"m","args":[],"credit":16}',
      frame("rpc", { id: "1", method: "m", args: [], credit: 16 })
    ],
    ['{"type":"cf_agent_rpc_cancel","id":"1"}', frame("cf_agent_rpc_cancel", { id: "1" })],
    ['{"type":"cf_agent_rpc_credit","id":"1","credit":8}', frame("cf_agent_rpc_credit", { id: "1", credit: 8 })]
  ])("%s is what it says", (text, expected) => expect(decode(text)).toEqual(expected));

  it.each([
    ['{"type":"cf_agent_state"}', "cf_agent_state"],
    ['{"type":"rpc"}', "rpc"],
    ['{"type":"rpc","id":"11"}', "rpc"],
    ['{"type":"rpc","id":1,"method":"m","args":[]}', "rpc"],
    ['{"type":"rpc","id":null,"method":"m","args":[]}', "rpc"],
    ['{"type":"rpc","id":"1","method":["m"],"args":[]}', "rpc"],
    ['{"type":"rpc","id":"1","method":"m","args":{"0":1,"length":1}}', "rpc"],
    ['{"type":"rpc","id":"1","method":"m","args":"[]"}', "rpc"],
    ['{"type":"rpc","id":"1","method":"m"}', "rpc"],
    ['{"type":"rpc","id":"1","method":"m","args":[],"credit":-1}', "rpc"],
    ['{"type":"cf_agent_state","state":1,"writeId":1}', "cf_agent_state"],
    ['{"type":"cf_agent_state","state":1,"ifRevision":"1"}', "cf_agent_state"],
    ['{"type":"cf_agent_state","state":1,"ifRevision":1,"ifEpoch":1}', "cf_agent_state"],
    ['{"type":"cf_agent_rpc_cancel"}', "cf_agent_rpc_cancel"],
    ['{"type":"cf_agent_rpc_credit","id":"1"}', "cf_agent_rpc_credit"],
    ['{"type":"cf_agent_rpc_credit","id":"1","credit":1.5}', "cf_agent_rpc_credit"]
  ])("%s is malformed", (text, type) => expect(decode(text)).toEqual({ kind: "malformed", type }));

  it.each([
    "",
    "hello",
    "ping",
    "{",
    "{}",
    "[]",
    "null",
    "1",
    '"rpc"',
    '{"type":"zzz"}',
    '{"type":1}',
    '{"type":null}',
    '{"type":["rpc"]}',
    '[{"type":"rpc"}]',
    '{"Type":"rpc"}',
    '{"type":"__proto__"}',
    '{"type":"constructor"}'
  ])("%j is the application's own message", (text) => expect(decode(text)).toEqual({ kind: "message" }));

  it("of a million levels is no reason to throw", () => {
    const deep = "[".repeat(1_000_000) + "]".repeat(1_000_000);
    expect(["frame", "message"]).toContain(decode(`{"type":"cf_agent_state","state":${deep}}`).kind);
  });

  it("cannot reach a prototype", () => {
    const decoded = decode(
      '{"type":"cf_agent_state","state":{"__proto__":{"polluted":true}},"__proto__":{"polluted":true}}'
    );
    expect(decoded.kind).toBe("frame");
    expect(({} as { polluted?: true }).polluted).toBe(undefined);
    // A field that is only inherited is not a field.
    expect(decode('{"type":"cf_agent_state","__proto__":{"state":1}}').kind).toBe("malformed");
  });

  it(`mutated at random is decoded into one of three kinds, and a frame passes its check again (${fuzzSeeds} seeds)`, async () => {
    const valid = [
      { type: "cf_agent_state", state: { n: 1 } },
      { type: "rpc", id: "1", method: "add", args: [1] }
    ];
    await eachSeed((random) => {
      const text = mutate(random.pick(valid), random);
      const decoded = decode(text);
      const sound =
        decoded.kind !== "frame" ||
        (checks.get(decoded.type)!(decoded.frame, text) && decoded.frame.type === decoded.type);
      expect(["frame", "malformed", "message"].includes(decoded.kind) && sound, text).toBe(true);
    });
  });
});
