import { describe, expect, it } from "vitest";
import { dashedCapitals, kebabCase } from "./names";

describe("[P2] the kebab form of a class name", () => {
  it.each([
    ["Counter", "counter"],
    ["MyAgent", "my-agent"],
    ["ChatRoom", "chat-room"],
    ["AIAssistant", "ai-assistant"],
    ["LOUD_AGENT", "loud-agent"],
    ["HTTPServerV2Agent", "http-server-v2-agent"],
    ["MyAI", "my-ai"],
    ["my_agent", "my-agent"],
    ["_Private_", "private"],
    ["a", "a"],
    ["chat-room", "chat-room"],
    ["a-i-assistant", "a-i-assistant"]
  ])("of %s is %s", (name, kebab) => expect(kebabCase(name)).toBe(kebab));

  it("does not change any more", () => {
    for (const name of ["AIAssistant", "LOUD_AGENT", "HTTPServerV2Agent"])
      expect(kebabCase(kebabCase(name))).toBe(kebabCase(name));
  });
});

describe("[P2] the spelling of other clients", () => {
  it.each([
    ["AIAssistant", "a-i-assistant"],
    ["ChatRoom", "chat-room"],
    ["Counter", "counter"]
  ])("of %s is %s", (name, dashed) => expect(dashedCapitals(name)).toBe(dashed));
});
