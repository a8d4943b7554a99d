import type { UIMessage } from "ai";
import { expect, it } from "vitest";
import { fitRow, maxRowBytes } from "./fit-row";

const size = (message: UIMessage) => new TextEncoder().encode(JSON.stringify(message)).length;
const message = (...parts: object[]): UIMessage => ({ id: "m", role: "assistant", parts: parts as UIMessage["parts"] });
const text = (value: string) => ({ type: "text", text: value, state: "done" });
const tool = (toolCallId: string, output: unknown) => ({
  type: "tool-read",
  toolCallId,
  state: "output-available",
  input: { path: "/" },
  output
});

it("leaves a message alone that fits", () => {
  const fitting = message(text("x".repeat(maxRowBytes - 200)));
  expect(fitRow(fitting)).toBe(fitting);
});

// proves chat-agents#row-outputs, chat-agents#row-metadata
it("replaces the largest outputs by notes, as many as it must, and says which", () => {
  const large = message(
    tool("small", "s"),
    tool("larger", { rows: ["l".repeat(1_000_000)] }),
    tool("largest", "x".repeat(1_500_000)),
    text("kept")
  );
  const before = JSON.stringify(large);
  const fitted = fitRow({ ...large, metadata: { model: "m" } });
  expect(fitted.metadata).toEqual({ model: "m", compactedToolOutputs: ["largest"] });
  expect(fitted.parts[1]).toEqual(large.parts[1]);
  expect(fitted.parts[2]).toMatchObject({
    toolCallId: "largest",
    input: { path: "/" },
    output: expect.stringMatching(/run the tool again.*began with: xxx/) as string
  });
  expect(size(fitted)).toBeLessThanOrEqual(maxRowBytes);
  expect(JSON.stringify(large)).toBe(before);
});

// proves chat-agents#row-texts
it.each([
  ["letters", "x"],
  ["what JSON escapes", '"'],
  ["what JSON escapes six-fold", "\u0001"],
  ["characters of three bytes", "日"],
  ["characters of four bytes", "🎈"]
])("cuts texts of %s, the longest first, when outputs are not enough", (_, character) => {
  const fitted = fitRow(
    message(tool("c1", "y".repeat(3000)), text("short"), text(character.repeat(2_000_000 / character.length)))
  );
  expect(size(fitted)).toBeLessThanOrEqual(maxRowBytes);
  expect(size(fitted)).toBeGreaterThan(maxRowBytes / 2);
  const [, short, long] = fitted.parts as { text: string }[];
  expect(short!.text).toBe("short");
  expect(long!.text).toMatch(/too long to be stored\.\]$/);
  expect(long!.text.isWellFormed()).toBe(true);
});

it("cuts several texts when one is not enough", () => {
  const fitted = fitRow(
    message(text("a".repeat(1_900_000)), text("b".repeat(1_900_000)), {
      type: "reasoning",
      text: "c".repeat(1_900_000)
    })
  );
  expect(size(fitted)).toBeLessThanOrEqual(maxRowBytes);
});

const file = (bytes: number) => ({
  type: "file",
  mediaType: "image/png",
  url: `data:image/png;base64,${"A".repeat(bytes)}`
});

it("leaves out the largest file where texts are too short to help, and touches nothing else", () => {
  const large = message(file(1_000_000), text("kept"), file(1_200_000));
  expect(fitRow(large).parts).toEqual([
    ...large.parts.slice(0, 2),
    { type: "text", text: expect.stringMatching(/^\[A file of 12\d{5} bytes was too large/) as string, state: "done" }
  ]);
  const wordy = message(file(1_000_000), text("x".repeat(1_000_000)));
  expect(fitRow(wordy).parts[0]).toEqual(wordy.parts[0]);
});

it("leaves out a data part that is too large", () => {
  const data = message({ type: "data-scan", id: "s", data: { rows: "A".repeat(2_000_000) } }, text("kept"));
  expect(fitRow(data).parts).toEqual([
    { type: "text", text: expect.stringMatching(/^\[Data of 20\d{5} bytes was too large/) as string, state: "done" },
    data.parts[1]
  ]);
});

it("gives up on what it cannot cut", () => {
  const call = message({ type: "tool-scan", toolCallId: "c", state: "input-available", input: "A".repeat(2_000_000) });
  expect(fitRow(call)).toEqual(call);
});
