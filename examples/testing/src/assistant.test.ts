// src/assistant.test.ts
import { env } from "cloudflare:workers";
import { getAgentByName } from "agents";
import { connect, ScriptedModel } from "agents/testing";
import { expect, it } from "vitest";
import { Assistant } from "./server";

it("answers with what the model says, and remembers it", async () => {
  const model = new ScriptedModel("It rains in Oslo.");
  Assistant.model = () => model;
  const assistant = await getAgentByName(env.Assistant, "one");
  const connection = await connect(assistant);
  const question = { id: "q1", role: "user", parts: [{ type: "text", text: "How is the weather?" }] };
  const body = JSON.stringify({ messages: [question], trigger: "submit-message" });
  connection.send({ type: "cf_agent_use_chat_request", id: "r1", init: { method: "POST", body } });
  await connection.next(({ type, done }) => type === "cf_agent_use_chat_response" && done === true);

  expect(JSON.stringify(model.prompts)).toContain("How is the weather?");
  const messages = await (await assistant.fetch("http://example.com/get-messages")).text();
  expect(messages).toContain("It rains in Oslo.");
  expect(await assistant.getTurns()).toMatchObject([{ requestId: "r1", outcome: "completed" }]);
});
