import { expect, it } from "vitest";
import { conversation, finish, message, open, sent, texts } from "./fake-page.node";

it("asks for another answer to the message that was named, even if that is not here", async () => {
  const server = conversation("yes");
  server.messages = [message("u0", "user"), message("u1", "user"), message("a1", "assistant")];
  const { tab, chat } = open(server);
  void chat.regenerate({ messageId: "unknown" });
  await finish(server);
  expect(texts(chat.getSnapshot().messages)).toEqual(["u0", "u1", "a1"]);
  void chat.regenerate({ messageId: "u1" });
  await finish(server);
  void chat.regenerate({ messageId: "u0" });
  await finish(server);
  expect(sent(tab, "cf_agent_chat_operation")).toMatchObject(
    ["unknown", "a1", "u0"].map((messageId) => ({ messageId }))
  );
});
