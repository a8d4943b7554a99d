import { runInDurableObject } from "cloudflare:test";
import { introspect } from "agents/testing";
import { expect, it } from "vitest";
import { connect } from "../../agents/src/test/kit";
import { answers, textAnswer } from "./test/script";
import { ask, doneOf, talker, user } from "./test/chat-kit";

// What `inspect()` tells of a conversation.

answers.set("s3cret question", () => textAnswer("s3cret answer"));

it("[I2] tells the turn under way and the last ones, and nothing of what is said", async () => {
  const stub = talker("inspected");
  const a = await connect(stub);
  a.send(ask("r1", [user("u1", "s3cret question")], { key: "s3cret" }));
  await doneOf(a, "r1");
  a.send(ask("r2", [user("u1", "s3cret question"), user("u2", "script")]));
  await stub.begun();
  await stub.say({ type: "start" }, { type: "text-start", id: "t" });
  const { turns, holds, state } = await introspect(stub);
  expect(turns).toEqual({
    live: expect.objectContaining({ requestId: "r2", phase: "streaming", seq: 2 }),
    recent: [
      expect.objectContaining({ requestId: "r2", attempts: 1 }),
      expect.objectContaining({ requestId: "r1", outcome: "completed", operation: "append" })
    ]
  });
  expect([JSON.stringify({ turns, holds }).includes("s3cret"), state]).toEqual([false, undefined]);
  await stub.sayEnd();
  await doneOf(a, "r2");
  expect((await introspect(stub)).turns?.live).toBe(undefined);
});

it("[I2] tells of no turn where there was none, and makes no tables for it", async () => {
  const stub = talker("inspected empty");
  const { turns, tables } = await introspect(stub);
  expect([turns, Object.keys(tables)]).toEqual([{ recent: [] }, []]);
  expect(await runInDurableObject(stub, (agent) => agent.messages)).toEqual([]);
});
