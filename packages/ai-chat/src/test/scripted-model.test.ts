import { ScriptedModel } from "agents/testing";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { expect, it } from "vitest";
import { z } from "zod";
import { errorOf } from "../../../agents/src/test/kit";

// The model of `agents/testing`, as the AI SDK takes it; all models of the tests here are made of it.

const tools = {
  weather: tool({ inputSchema: z.object({ city: z.string() }), execute: ({ city }) => `rain in ${city}` })
};
const prompt = "How is the weather?";

// proves testing-your-agents#model
it("[G6] streams its steps word by word, and runs tools in between", async () => {
  const model = new ScriptedModel({ call: "weather", id: "w", input: { city: "Oslo" } }, "It rains.");
  const result = streamText({ model, tools, prompt, stopWhen: stepCountIs(3) });
  const words: string[] = [];
  for await (const word of result.textStream) words.push(word);
  expect(words).toEqual(["It ", "rains."]);
  expect((await result.steps)[0]!.toolResults).toMatchObject([{ toolCallId: "w", output: "rain in Oslo" }]);
  expect([model.prompts.length, model.left]).toEqual([2, 0]);
  expect(JSON.stringify(model.prompts[0]!.prompt)).toContain(prompt);
  expect(JSON.stringify(model.prompts[1]!.prompt)).toContain("rain in Oslo");
});

it("[G6] answers without a stream too, with several calls at once, and with what it is told later", async () => {
  const model = new ScriptedModel([
    { call: "weather", id: "1", input: { city: "Oslo" } },
    { call: "weather", id: "2", input: { city: "Rome" } }
  ]);
  model.say("Rain everywhere.");
  const { text, steps } = await generateText({ model, tools, prompt, stopWhen: stepCountIs(3) });
  expect([text, steps[0]!.toolResults.length]).toEqual(["Rain everywhere.", 2]);
});

it("[G6] fails as its script says, and when it is asked more often than that", async () => {
  const model = new ScriptedModel(new Error("overloaded"));
  expect((await errorOf(() => generateText({ model, prompt, maxRetries: 0 }))).message).toBe("overloaded");
  const error = await errorOf(() => generateText({ model, prompt, maxRetries: 0 }));
  expect(error.message).toBe("The model was asked more often than its script says: 2 times");
});
