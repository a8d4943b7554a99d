import { expect, it } from "vitest";
import { withStorage } from "../../test/kit";
import { EventLog, logLimits } from "./event-log";
import { mcpSchema } from "./schema";

/** A log on real SQLite, with a clock that is set by hand. */
const withLog = (run: (log: EventLog, clock: { nowMs: number }) => void) =>
  withStorage(({ schema }) => {
    const clock = { nowMs: 1_000 };
    run(new EventLog({ schema: schema("mcp-server", mcpSchema), now: () => clock.nowMs }), clock);
  });

const messages = (events: { message: string }[]) => events.map(({ message }) => message);

it("gives what comes after a place, of one stream of one session, in order", () =>
  withLog((log) => {
    log.append("a", 1, "one", true);
    const place = log.append("a", 1, "two", true);
    log.append("a", 2, "other stream", true);
    log.append("b", 1, "other session", true);
    log.append("a", 1, "three", true);
    expect(messages(log.after("a", 1, place))).toEqual(["three"]);
    // What came before it has certainly arrived.
    expect(messages(log.after("a", 1, 0))).toEqual(["three"]);
    expect(messages(log.after("b", 1, 0))).toEqual(["other session"]);
  }));

it("remembers what nobody has got yet", () =>
  withLog((log) => {
    log.append("a", 0, "sent", true);
    log.append("a", 0, "unsent", false);
    expect(messages(log.unsent("a", 0))).toEqual(["unsent"]);
    log.markSent("a", 0);
    expect(log.unsent("a", 0)).toEqual([]);
    log.forget("a");
    expect(log.after("a", 0, 0)).toEqual([]);
  }));

it("keeps messages that are longer than a row, also of characters that are", () =>
  withLog((log) => {
    const long = "€".repeat(1_500_000);
    log.append("a", 1, "before", true);
    log.append("a", 1, long, true);
    log.append("a", 1, "", true);
    const events = log.after("a", 1, 0);
    expect([events.length, events[1]?.message === long, events[2]?.message]).toEqual([3, true, ""]);
  }));

it("parts no character that has two halves", () =>
  withLog((log) => {
    const long = `"${"🌍".repeat(700_000)}`;
    log.append("a", 1, long, true);
    expect(messages(log.after("a", 1, 0))[0] === long).toBe(true);
  }));

it("forgets what was sent after some minutes, and what was not after a day", () =>
  withLog((log, clock) => {
    log.append("a", 0, "sent", true);
    log.append("a", 0, "unsent", false);
    clock.nowMs += logLimits.sentMs + 1;
    log.trim();
    expect(messages(log.after("a", 0, 0))).toEqual(["unsent"]);
    clock.nowMs += logLimits.unsentMs;
    log.trim();
    expect(log.after("a", 0, 0)).toEqual([]);
  }));

it("keeps so many events of a stream, the newest, without being told to look", () =>
  withLog((log) => {
    for (let index = 0; index < logLimits.events + 200; index++) log.append("a", 0, `event ${index}`, false);
    log.append("b", 0, "other", false);
    const kept = messages(log.unsent("a", 0));
    expect(kept.length).toBeLessThan(logLimits.events + 64);
    expect(kept.at(-1)).toBe(`event ${logLimits.events + 199}`);
    expect(messages(log.unsent("b", 0))).toEqual(["other"]);
  }));

it("keeps so many characters of a stream, and no half messages", () =>
  withLog((log) => {
    const large = "x".repeat(3_000_000);
    for (const name of ["1", "2", "3"]) log.append("a", 0, name + large, false);
    log.trim();
    expect(log.unsent("a", 0).map(({ message }) => message[0])).toEqual(["2", "3"]);
  }));
