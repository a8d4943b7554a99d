import type { Later, Page } from "./page.ts";

export const retries = {
  backoff: [8, "Each wait may be longer than the last."],
  jitter: [9, "Waits are random, so that what failed together is not tried again together."],
  configurable: [10, "Attempts, delays and their cap are set for each call."],
  "three-attempts": [28, "`this.retry()` makes three attempts by default."],
  "any-error": [30, "Any error is a reason to try again by default, whatever is thrown."],
  attempt: [41, "The function gets the number of the attempt, from 1."],
  eager: [42, "Options are checked at once: nothing has run when they are refused."],
  shouldRetry: [43, "`shouldRetry` gets the error and the number of the next attempt, and ends it with `false`."],
  returns: [44, "The result is that of the function."],
  throws: [45, "The error is the last one."],
  examples: [46, "The examples compile: basic, options, the attempt's number, `shouldRetry`."],
  "maxAttempts-minimum": [168, "`retry.maxAttempts must be >= 1`"],
  "baseDelayMs-positive": [172, "`retry.baseDelayMs must be > 0`"],
  "maxAttempts-integer": [181, "`retry.maxAttempts must be an integer`"],
  "baseDelayMs-below-max": [183, "`retry.baseDelayMs must be <= retry.maxDelayMs`"],
  "validation-resolved": [189, "Fields are compared after those of the class and the defaults are filled in."],
  maxAttempts: [194, "The default of `maxAttempts` is 3."],
  baseDelayMs: [195, "The default of `baseDelayMs` is 100."],
  maxDelayMs: [196, "The default of `maxDelayMs` is 3000."],
  "class-options": [199, "`static options.retry` changes the defaults of a class."],
  "class-options-partial": [208, "A field that a class does not state keeps its default."],
  "call-over-class": [218, "What a call says comes before what its class says."],
  formula: [252, "A wait is random between 0 and min(2^attempt * baseDelayMs, maxDelayMs)."],
  "waits-default": [260, "By default the waits are up to 200 and 400 ms, and none follows the third attempt."],
  "waits-example": [266, "With a base of 500 ms they are up to 1000, 2000, 3000 and 3000 ms."],
  logging: [284, "The pattern that logs its attempts compiles."],
  fallback: [308, "The pattern with a fallback compiles."],
  schedule: [98, "`schedule` takes retry options, for each kind of time."],
  "schedule-fails": [
    143,
    "A scheduled method that throws is tried again. After the last attempt the error goes to `onError`, and the schedule is removed or comes again."
  ],
  scheduleEvery: [133, "`scheduleEvery` takes retry options."],
  queue: [145, "`queue` takes retry options."],
  "queue-fails": [
    163,
    "A queued method that throws is tried again before the next one. After the last attempt it is removed, and the error is told."
  ],
  "schedule-validation": [165, "`schedule` and `scheduleEvery` refuse invalid retry options at once."],
  "queue-validation": [165, "`queue` refuses invalid retry options at once."],
  "schedule-defaults": [191, "A schedule without options is tried three times."],
  "queue-defaults": [191, "A queued task without options is tried three times."],
  "schedule-once": [226, "`maxAttempts: 1` disables retries of a task."],
  "with-schedule": [328, "The pattern that combines `this.retry` with `this.schedule` compiles."],
  "dead-letters": [358, "What failed for good is kept: the limitation of the page is lifted."],
  "head-of-line": [360, "An item that waits for another attempt blocks those behind it, unless it says otherwise."],
  "no-shouldRetry": [362, "`shouldRetry` is no option of `schedule` and `queue`."],
  workflows: [11, "Operations of workflows are tried again by themselves."]
} as const satisfies Page;

export const later = {
  mcp: 7,
  "mcp-persisted": 7,
  "mcp-defaults": 7
} as const satisfies Later;
