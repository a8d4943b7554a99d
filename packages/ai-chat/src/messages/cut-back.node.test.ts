import type { UIMessageChunk } from "ai";
import { expect, it } from "vitest";
import { cutBack } from "./cut-back";

const empty = { id: "a1", role: "assistant" as const, parts: [] };
const text = (id: string, delta: string): UIMessageChunk[] => [
  { type: "text-start", id },
  { type: "text-delta", id, delta },
  { type: "text-end", id }
];
const step = (...chunks: UIMessageChunk[]): UIMessageChunk[] => [
  { type: "start-step" },
  ...chunks,
  { type: "finish-step" }
];
const textsOf = (chunks: UIMessageChunk[]) => {
  const { message, isWhole } = cutBack(empty, [{ type: "start", messageId: "a1" }, ...chunks]);
  return [message?.parts.flatMap((part) => (part.type === "text" ? part.text : [])), isWhole];
};

it("keeps all of an answer that was complete", () => {
  expect(textsOf([...step(...text("t", "all")), { type: "finish" }])).toEqual([["all"], true]);
});

it("keeps the steps before the one that was cut", () => {
  expect(textsOf([...step(...text("t", "first")), { type: "start-step" }, ...text("u", "half")])).toEqual([
    ["first"],
    false
  ]);
});

it.each<{ how: string; before: UIMessageChunk[]; finish: UIMessageChunk }>([
  { how: "reported an error", before: [{ type: "error", errorText: "overloaded" }], finish: { type: "finish" } },
  { how: "just ended", before: [], finish: { type: "finish", messageMetadata: { finishReason: "interrupted" } } }
])("takes a step for cut in which the model $how, though the AI SDK ends it", ({ before, finish }) => {
  const { message, isWhole } = cutBack(empty, [
    { type: "start", messageId: "a1" },
    ...step(...text("t", "first")),
    { type: "start-step" },
    ...text("u", "half"),
    ...before,
    { type: "finish-step" },
    finish
  ]);
  expect(isWhole).toBe(false);
  expect(message?.parts[1]).toMatchObject({ text: "first" });
});
