import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { connect, evict, makeDue } from "../../agents/src/test/kit";
import { aiCalls, models } from "./test/caller";
import { modelSaying, toldTo, type Step } from "./test/models";

// What the pages "Using AI models" and "Calling LLMs" show, in agents without a conversation of their own.

const caller = (name: string, ...steps: Step[]) => {
  if (!models.has(name)) models.set(name, modelSaying(...steps));
  return env.Caller.get(env.Caller.idFromName(name));
};
const url = (path: string) => `http://test/agents/caller/name/${path}`;

// proves using-ai-models#from-onRequest, using-ai-models#generateText, using-ai-models#ai-sdk
it("calls a model while it answers a request", async () => {
  const response = await caller("request", "An agent").fetch(url("generate"));
  expect(await response.json()).toEqual({ modelResponse: "An agent" });
});

// proves using-ai-models#from-method, calling-llms#pipeline, calling-llms#pipeline-persisted
it("calls a model in a method of its own", async () => {
  const stub = caller("triage", "billing", "We are sorry.");
  expect(await stub.triage("I paid twice")).toEqual({ category: "billing", response: "We are sorry." });
  expect(toldTo(models.get("triage")!)[1]).toContain("this billing ticket, like [12]");
  await evict(stub);
  expect(await stub.responses()).toEqual([{ prompt: "I paid twice", response: "We are sorry." }]);
});

// proves using-ai-models#from-onMessage, using-ai-models#websockets-chunks, using-ai-models#websockets-done
// proves using-ai-models#state
it("streams what a model says to the client that asked, says when it is done, and remembers it", async () => {
  const stub = caller("socket", "one two");
  const a = await connect(stub, "_pk=a");
  a.send({ prompt: "Count" });
  for (const frame of [{ type: "chunk", content: "one " }, { type: "chunk", content: "two" }, { type: "done" }])
    expect(await a.next(({ type }) => type === "chunk" || type === "done")).toEqual(frame);
  await a.settled();
  await evict(stub);
  const later = await connect(stub, "_pk=b");
  expect(await later.next("cf_agent_state")).toMatchObject({ state: { said: ["one two"] } });
});

// proves using-ai-models#websockets-error
it("tells the client when a model fails", async () => {
  const a = await connect(caller("failing"));
  a.send({ prompt: "Count" });
  expect(await a.next("error")).toMatchObject({ error: expect.stringContaining("asked more often") });
});

// proves using-ai-models#disconnect, calling-llms#disconnect, calling-llms#delivered-later
// proves calling-llms#send-to-nobody
it("goes on when the client has gone, and has the whole answer for it when it comes back", async () => {
  const stub = caller("gone");
  const next = Promise.withResolvers<void>();
  const model = models.get("gone")!;
  model.doStream = async () => ({
    stream: new ReadableStream({
      async start(controller) {
        controller.enqueue({ type: "text-start", id: "t" });
        controller.enqueue({ type: "text-delta", id: "t", delta: "one " });
        await next.promise;
        controller.enqueue({ type: "text-delta", id: "t", delta: "two" });
        controller.enqueue({ type: "text-end", id: "t" });
        controller.close();
      }
    })
  });
  const a = await connect(stub);
  a.send({ prompt: "Count" });
  await a.next("chunk");
  a.close();
  await a.closed;
  await runInDurableObject(stub, () => next.resolve());
  await vi.waitFor(async () => expect(await stub.responses()).toEqual([{ prompt: "Count", response: "one two" }]));
  const again = await connect(stub);
  expect(await again.next("cf_agent_state")).toMatchObject({ state: { said: ["one two"] } });
});

// proves using-ai-models#workers-ai, using-ai-models#sse, agents-api#ai-models-workers-ai
it("answers a request with what Workers AI streams, as it comes", async () => {
  const response = await caller("workers-ai").fetch(url("stream"));
  expect([response.headers.get("content-type"), await response.text()]).toEqual([
    "text/event-stream",
    'data: {"response":"one"}\n\ndata: [DONE]\n\n'
  ]);
  expect(aiCalls.at(-1)).toEqual(["@cf/model", { prompt: "Build", stream: true }]);
});

// proves using-ai-models#gateway
it("hands the options of a gateway to the binding", async () => {
  const response = await caller("gateway").fetch(url("gateway"));
  expect(await response.json()).toEqual({ response: "all" });
  expect(aiCalls.at(-1)?.[2]).toEqual({ gateway: { id: "{gateway_id}", skipCache: false, cacheTtl: 3360 } });
});

// proves using-ai-models#openai-compatible
it("answers a request with a stream that it writes after it has answered", async () => {
  const response = await caller("compatible", "one two three").fetch(url("compatible"));
  expect(await response.text()).toBe("one two three");
});

// proves calling-llms#context
it("builds what it tells a model from what it has stored", async () => {
  const stub = caller("context");
  for (let n = 1; n <= 52; n++) await stub.remember("user", `m${n}`, n);
  await evict(stub);
  const prompt = await stub.buildPrompt("And now?");
  expect(prompt).toHaveLength(52);
  expect([prompt[0], prompt[1], prompt.at(-1)]).toEqual([
    { role: "system", content: "Be brief." },
    { role: "user", content: "m3" },
    { role: "user", content: "And now?" }
  ]);
});

// proves using-ai-models#from-schedule, calling-llms#autonomous, calling-llms#autonomous-once
// proves calling-llms#autonomous-broadcast
it("calls a model by itself, when it is time, and tells who is connected", async () => {
  const stub = caller("digest", "Bees are fine.");
  const a = await connect(stub);
  await stub.write("Bees", "They are fine.", "2999-01-01");
  await stub.write("Old news", "Forget it.", "2001-01-01");
  await evict(stub);
  const schedules = await runInDurableObject(stub, (agent) => agent.getSchedules());
  expect(schedules).toMatchObject([{ type: "cron", cron: "0 8 * * *", callback: "generateDailyDigest" }]);
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("UPDATE cf_agents_schedules SET time = 1"));
  await makeDue(stub, "schedule");
  await runDurableObjectAlarm(stub);
  expect(await a.next("digest")).toEqual({ type: "digest", summary: "Bees are fine." });
  const [told] = toldTo(models.get("digest")!);
  expect([told?.includes("Bees: They are fine."), told?.includes("Old news")]).toEqual([true, false]);
  expect(await stub.responses()).toEqual([{ prompt: "digest", response: "Bees are fine." }]);
});

// proves calling-llms#caching
it("asks a model once for what it keeps", async () => {
  const stub = caller("cache", "42");
  expect([await stub.cachedGenerate("6 * 7"), await stub.cachedGenerate("6 * 7")]).toEqual(["42", "42"]);
  await evict(stub);
  expect(await stub.cachedGenerate("6 * 7")).toBe("42");
  expect(models.get("cache")!.doGenerateCalls).toHaveLength(1);
});
