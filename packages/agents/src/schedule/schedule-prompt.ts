import { z } from "zod";

/** When to do something, as a model reads it out of a sentence. */
export type When =
  | { type: "scheduled"; /** ISO 8601. */ date: string }
  | { type: "delayed"; delayInSeconds: number }
  | { type: "cron"; cron: string }
  | { type: "no-schedule" };

/** What a model makes of a sentence like "remind me to call mom tomorrow at 3pm". */
export interface Schedule {
  /** What to do, without the time: "call mom". */
  description: string;
  when: When;
}

/**
 * What a model has to answer, for `generateObject` and the like. Pass `result.when` on to `this.schedule(...)`.
 *
 * Dates are texts, since JSON has no others.
 */
// Described by its result, so that programs may have either release of zod that this one works with.
export const scheduleSchema: z.ZodType<Schedule> = z.object({
  description: z.string().describe("What to do, in the words of the user, without the time"),
  when: z.discriminatedUnion("type", [
    z.object({
      type: z.literal("scheduled"),
      date: z.string().describe("The date and time, in ISO 8601 with the offset from UTC")
    }),
    z.object({
      type: z.literal("delayed"),
      delayInSeconds: z.number().describe("How long to wait, in seconds")
    }),
    z.object({
      type: z.literal("cron"),
      cron: z.string().describe("A cron expression: minute hour day month weekday")
    }),
    z.object({ type: z.literal("no-schedule") })
  ])
});

/**
 * The instructions with which a model turns a sentence into what `scheduleSchema` describes.
 *
 * @param event `date`: the time to reckon from, usually now
 * @example
 * const { object } = await generateObject({
 *   model, system: getSchedulePrompt({ date: new Date() }), prompt: "remind me to call mom tomorrow at 3pm", schema: scheduleSchema
 * });
 */
export function getSchedulePrompt({ date }: { date: Date }): string {
  return `You read what the user wants to be done, and when. Answer with an object that has a "description" and a "when".

It is now ${date.toISOString()} (UTC), a ${weekdays[date.getUTCDay()]}.

"description" says what to do, without the time. "when" is one of:
- { "type": "scheduled", "date": "..." }: once, at a date and time. The date is in ISO 8601, as "${date.toISOString()}".
- { "type": "delayed", "delayInSeconds": ... }: once, after a time: "in 10 minutes" is 600.
- { "type": "cron", "cron": "..." }: again and again. Five fields: minute (0-59), hour (0-23), day of the month (1-31), month
  (1-12), weekday (0-6, 0 is Sunday): "every weekday at 9" is "0 9 * * 1-5".
- { "type": "no-schedule" }: the user names no time.

Prefer "delayed" where the user names a duration and "scheduled" where they name a date, a weekday or a time of day. A time of day
that is over today means tomorrow. Add no fields.`;
}

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;

let warned = false;

/** @deprecated Use `getSchedulePrompt`. */
export const unstable_getSchedulePrompt: typeof getSchedulePrompt = (event) => {
  if (!warned) console.warn("unstable_getSchedulePrompt() is deprecated: use getSchedulePrompt()");
  warned = true;
  return getSchedulePrompt(event);
};

/** @deprecated Use `scheduleSchema`. */
export const unstable_scheduleSchema: typeof scheduleSchema = scheduleSchema;
