import { env } from "cloudflare:test";
import { expect, it } from "vitest";
import { connect, evict } from "../../agents/src/test/kit";
import { answers, textAnswer } from "./test/script";

const talker = (name: string) => env.Talker.get(env.Talker.idFromName(name));
const user = (id: string, text: string) => ({ id, role: "user", parts: [{ type: "text", text }] });
const ask = (id: string, ...messages: object[]) => ({
  type: "cf_agent_use_chat_request",
  id,
  init: { method: "POST", body: JSON.stringify({ messages, trigger: "submit-message" }) }
});

it("streams an answer to everybody, stores it, and tells the others", async () => {
  answers.set("hi", () => textAnswer("w0 ", "w1 "));
  const stub = talker("stream");
  const a = await connect(stub, "_pk=a");
  const b = await connect(stub, "_pk=b");
  a.send(ask("r1", user("u1", "hi")));
  const done = (await b.next("cf_agent_chat_messages")) as { messages: unknown[] };
  expect(done.messages).toEqual([user("u1", "hi")]);
  const end = await a.next((frame) => frame.done === true);
  expect(end).toEqual({ type: "cf_agent_use_chat_response", id: "r1", body: "", done: true });
  expect(await b.next("cf_agent_chat_messages")).toMatchObject({
    messages: [user("u1", "hi"), { role: "assistant", parts: [{ type: "text", text: "w0 w1 ", state: "done" }], metadata: { finishReason: "stop" } }]
  });
  await evict(stub);
  expect(await stub.history()).toHaveLength(2);
});

it("lets a late connection pick up the stream where it is", async () => {
  const stub = talker("resume");
  const a = await connect(stub, "_pk=a");
  a.send(ask("r1", user("u1", "script")));
  await stub.say({ type: "start" }, { type: "text-start", id: "t" }, { type: "text-delta", id: "t", delta: "one " });
  await a.next((frame) => String(frame.body).includes("one"));
  const b = await connect(stub, "_pk=b");
  expect(await b.nextFrame()).toEqual({ type: "cf_agent_stream_resuming", id: "r1" });
  b.send({ type: "cf_agent_stream_resume_ack", id: "r1" });
  await b.next((frame) => frame.replayComplete === true);
  await stub.say({ type: "text-delta", id: "t", delta: "two" }, { type: "text-end", id: "t" });
  await stub.sayEnd();
  expect(await b.next("cf_agent_use_chat_response")).toMatchObject({ body: '{"type":"text-delta","id":"t","delta":"two"}' });
});
