import type { UIMessageChunk } from "ai";
import { expect, it } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../../agents/src/test/random";
import { emptyConversation, viewOf } from "./conversation";
import type { ChatEvent } from "./events";
import { reduce } from "./reduce";

const answer: UIMessageChunk[] = [
  { type: "start", messageId: "a1" },
  { type: "start-step" },
  { type: "reasoning-start", id: "r" },
  { type: "reasoning-delta", id: "r", delta: "so " },
  { type: "reasoning-end", id: "r" },
  { type: "tool-input-start", toolCallId: "c1", toolName: "weather" },
  { type: "tool-input-available", toolCallId: "c1", toolName: "weather", input: { city: "Oslo" } },
  { type: "tool-output-available", toolCallId: "c1", output: 7 },
  { type: "start-step" },
  { type: "text-start", id: "t" },
  ...["It ", "is ", "7 ", "degrees"].map((delta) => ({ type: "text-delta", id: "t", delta }) as const),
  { type: "data-source", id: "s", data: 1 },
  { type: "data-source", id: "s", data: 2 },
  { type: "text-end", id: "t" },
  { type: "finish" }
];
const events = answer.map((chunk, index): ChatEvent => ({
  type: "chunk",
  turnId: "t1",
  requestId: "q1",
  seq: index + 1,
  attempt: 1,
  chunk,
  continuation: false,
  resumed: false,
  newId: "unused"
}));
const end: ChatEvent = { type: "ended", turnId: "t1", requestId: "q1", result: "message", epoch: "e", revision: 1 };
const whole = [...events, end].reduce(reduce, emptyConversation());

/** Cut anywhere, each chunk any number of times, in any order; in the end, the server sends all once more. */
function reordered(random: Random): void {
  let state = emptyConversation();
  const apply = (event: ChatEvent) => {
    const [before, shown] = [state, JSON.stringify(viewOf(state))];
    state = reduce(state, event);
    // It may be what somebody else holds.
    expect(JSON.stringify(viewOf(before))).toBe(shown);
    expect(reduce(before, event)).toEqual(state);
    if (event.type === "chunk") expect(reduce(state, event)).toBe(state);
  };
  for (let count = random.below(60); count > 0; count--) apply(random.pick(events));
  for (const event of events) apply(event);
  apply(end);
  expect(viewOf(state)).toEqual(viewOf(whole));
  // What comes after the end.
  for (let count = random.below(10); count > 0; count--) apply(random.pick(events.slice(1)));
  apply(end);
  expect(viewOf(state)).toEqual(viewOf(whole));
}

it(
  `chunks that come twice, late or out of turn change nothing (${fuzzSeeds} seeds)`,
  () => eachSeed(reordered),
  fuzzTimeoutMs(5000)
);
