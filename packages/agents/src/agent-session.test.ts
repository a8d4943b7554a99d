import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect, type TestConnection } from "./test/kit";

// A session as recorded with published clients and servers of this protocol: for each step what one connection sends, and
// what each connection then has received. Frames are compared with the recorded ones, field by field.

const identity = { name: "a", agent: "recorder", type: "cf_agent_identity" };
const mcp = { mcp: { prompts: [], resources: [], servers: {}, tools: [] }, type: "cf_agent_mcp_servers" };
const state = (n: number) => ({ state: { n }, type: "cf_agent_state" });
const result = (id: string, value: unknown, done = true) => ({ done, id, result: value, success: true, type: "rpc" });
const failure = (id: string, error: string) => ({ error, id, success: false, type: "rpc" });
const refused = (error: string) => ({ type: "cf_agent_state_error", error });
const call = (id: string, method: string, ...args: unknown[]) => JSON.stringify({ type: "rpc", id, method, args });

type Step = [title: string, sent: [who: string, text: string], received: Record<string, unknown[]>];
const steps: Step[] = [
  ["client setState from A", ["A", '{"type":"cf_agent_state","state":{"n":1}}'], { B: [state(1)] }],
  ["same value again", ["A", '{"type":"cf_agent_state","state":{"n":1}}'], { B: [state(1)] }],
  [
    "rejected by validateStateChange",
    ["A", '{"type":"cf_agent_state","state":{"n":-1}}'],
    { A: [refused("State update rejected")] }
  ],
  ["rpc ok", ["A", call("1", "add", 1, 2)], { A: [result("1", 3)] }],
  ["rpc undefined result", ["A", call("2", "nothing")], { A: [{ done: true, id: "2", success: true, type: "rpc" }] }],
  ["rpc throws Error", ["A", call("3", "boom")], { A: [failure("3", "boom!")] }],
  ["rpc throws string", ["A", call("4", "boomText")], { A: [failure("4", "Unknown error occurred")] }],
  ["rpc unknown", ["A", call("5", "nope")], { A: [failure("5", "Method nope does not exist")] }],
  ["rpc not callable", ["A", call("6", "plain")], { A: [failure("6", "Method plain is not callable")] }],
  ["rpc setState on server", ["A", call("7", "set", 5)], { A: [state(5), result("7", 5)], B: [state(5)] }],
  [
    "rpc streaming",
    ["A", call("8", "count", 2)],
    { A: [result("8", { i: 0 }, false), result("8", { i: 1 }, false), result("8", "fin")] }
  ],
  ["rpc streaming throws mid", ["A", call("9", "midway")], { A: [result("9", 1, false), failure("9", "mid")] }],
  ["rpc streaming stream.error", ["A", call("10", "gentle")], { A: [result("10", 1, false), failure("10", "custom")] }],
  ["non-JSON", ["A", "hello"], {}],
  ["unknown JSON", ["A", '{"type":"zzz"}'], {}],
  ["malformed rpc", ["A", '{"type":"rpc","id":"11"}'], {}],
  [
    "read-only: client setState",
    ["R", '{"type":"cf_agent_state","state":{"n":9}}'],
    { R: [refused("Connection is readonly")] }
  ],
  ["read-only: rpc that sets the state", ["R", call("12", "set", 9)], { R: [failure("12", "Connection is readonly")] }],
  ["no protocol: rpc", ["N", call("13", "add", 2, 2)], { N: [result("13", 4)] }],
  [
    "no protocol: state of others",
    ["A", call("14", "set", 6)],
    { A: [state(6), result("14", 6)], B: [state(6)], R: [state(6)] }
  ]
];

// proves routing#identity, routing#sendIdentityOnConnect
it("[T1] a recorded session of published clients goes as it was recorded, frame by frame", async () => {
  const stub = env.Recorder.get(env.Recorder.idFromName("a"));
  const connections: Record<string, TestConnection> = {};
  const open = async (who: string, query = "") => (connections[who] = await connect(stub, `_pk=${who}&${query}`));

  expect(await (await open("A")).settled()).toEqual([identity, state(0), mcp]);
  expect(await (await open("B")).settled()).toEqual([identity, state(0), mcp]);
  for (const [title, [who, text], received] of steps) {
    if (who === "R" && !connections.R)
      expect(await (await open("R", "readonly")).settled()).toEqual([identity, state(5), mcp]);
    if (who === "N" && !connections.N) expect(await (await open("N", "silent")).settled()).toEqual([]);
    connections[who]!.send(text);
    // The sender's own barrier first: after it, what the others get has been sent.
    const all = [who, ...Object.keys(connections).filter((name) => name !== who)];
    for (const name of all)
      expect(await connections[name]!.settled(), `${title}: ${name}`).toEqual(received[name] ?? []);
  }
  const messages = await runInDurableObject(stub, ({ seen }) => seen.filter(({ event }) => event === "message"));
  expect(messages.map(({ detail }) => detail)).toEqual(["hello", '{"type":"zzz"}', '{"type":"rpc","id":"11"}']);

  connections.A!.close(1000);
  connections.B!.close(4001, "own");
  expect([(await connections.A!.closed).code, (await connections.B!.closed).code]).toEqual([1000, 4001]);
  expect(await (await open("A2")).settled()).toEqual([identity, state(6), mcp]);
});
