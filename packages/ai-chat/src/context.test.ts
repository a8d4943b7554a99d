import { expect, it } from "vitest";
import { connect } from "../../agents/src/test/kit";
import { ask, assistant, doneOf, user } from "./test/chat-kit";

// proves get-current-agent#ai-sdk-tools, get-current-agent#chat-agent
it("a tool of the AI SDK, and what it calls, know the agent and the connection that asked", async () => {
  const stub = assistant("context");
  const connection = await connect(stub, "_pk=asks");
  await stub.will([["t1", "whoami"]], "You are you");
  connection.send(ask("r1", [user("u1", "Who am I?")]));
  await doneOf(connection);
  const [, , result] = await stub.told();
  expect(result).toBe('tool: t1 {"agent":"context","messages":1,"connection":"asks"}');
});
