import { describe, expect, it } from "vitest";
import { nameTools, toolKey } from "./tool-names";

const named = (...tools: [serverId: string, name: string][]) =>
  nameTools(tools.map(([serverId, name]) => ({ serverId, name }))).map(({ key, isRenamed }) => [key, isRenamed]);

describe("the name of a tool for models", () => {
  it.each([
    ["github", "create_issue", "tool_github_create_issue"],
    ["my-server", "get-user", "tool_my-server_get-user"]
  ])("of %s and %s is %s", (serverId, name, key) => expect(toolKey(serverId, name)).toBe(key));

  it.each([
    ["s", "files/read"],
    ["s", "größe"],
    ["s", "with space"],
    ["s", "a".repeat(200)],
    ["a".repeat(40), "b".repeat(40)]
  ])("of %s and %s is one that all models take, and always the same", (serverId, name) => {
    expect(toolKey(serverId, name)).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect(toolKey(serverId, name)).toBe(toolKey(serverId, name));
  });

  it("is another one for each tool, also where only its end or one character differs", () => {
    const names = ["files/read", "files.read", "files_read", `${"a".repeat(80)}1`, `${"a".repeat(80)}2`];
    expect(new Set(names.map((name) => toolKey("s", name))).size).toBe(names.length);
  });

  it("that two tools have is marked for the second, which is said", () => {
    const keys = named(["a", "b_c"], ["a_b", "c"], ["d", "e"]);
    expect(keys).toEqual([
      ["tool_a_b_c", false],
      [expect.stringMatching(/^tool_a_b_c_[0-9a-f]{8}$/), true],
      ["tool_d_e", false]
    ]);
  });
});
