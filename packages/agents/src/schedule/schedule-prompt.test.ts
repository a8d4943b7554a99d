import { describe, expect, it, vi } from "vitest";
import { getSchedulePrompt, scheduleSchema, unstable_getSchedulePrompt, unstable_scheduleSchema } from "./index";

describe("scheduleSchema", () => {
  // proves schedule-tasks#scheduleSchema
  it.each([
    { type: "scheduled", date: "2025-01-30T15:00:00Z" },
    { type: "delayed", delayInSeconds: 600 },
    { type: "cron", cron: "0 9 * * 1-5" },
    { type: "no-schedule" }
  ])("takes $type", (when) => {
    const schedule = { description: "call mom", when };
    expect(scheduleSchema.parse(schedule)).toEqual(schedule);
  });

  // proves schedule-tasks#schema-dates
  it.each([
    { when: { type: "no-schedule" } },
    { description: "call mom" },
    { description: "call mom", when: { type: "later" } },
    { description: "call mom", when: { type: "scheduled" } },
    { description: "call mom", when: { type: "scheduled", date: new Date(0) } },
    { description: "call mom", when: { type: "delayed", delayInSeconds: "600" } },
    { description: "call mom", when: { type: "cron", date: "2025-01-30T15:00:00Z" } }
  ])("refuses %o", (schedule) => {
    expect(scheduleSchema.safeParse(schedule).success).toBe(false);
  });

  // proves schedule-tasks#scheduleSchema
  it("has only the fields of its kind", () => {
    const when = { type: "delayed", delayInSeconds: 5, cron: "", date: null };
    expect(scheduleSchema.parse({ description: "", when })).toEqual({
      description: "",
      when: { type: "delayed", delayInSeconds: 5 }
    });
  });
});

// proves schedule-tasks#getSchedulePrompt
it("getSchedulePrompt tells the time, the weekday, and each kind of schedule", () => {
  const prompt = getSchedulePrompt({ date: new Date("2025-01-29T10:00:00Z") });
  for (const part of [
    "It is now 2025-01-29T10:00:00.000Z",
    "a Wednesday",
    "scheduled",
    "delayed",
    "cron",
    "no-schedule"
  ]) {
    expect(prompt).toContain(part);
  }
});

it("the names of older releases work, and say once what to use instead", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const event = { date: new Date(0) };
  expect([unstable_getSchedulePrompt(event), unstable_getSchedulePrompt(event)]).toEqual(
    Array(2).fill(getSchedulePrompt(event))
  );
  const log = warn.mock.calls;
  warn.mockRestore();
  expect(unstable_scheduleSchema).toBe(scheduleSchema);
  expect(log).toEqual([["unstable_getSchedulePrompt() is deprecated: use getSchedulePrompt()"]]);
});
