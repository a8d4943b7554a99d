/** The name of a time zone, if it is one. It came from a page, so it may be anything. */
export function readTimeZone(value: unknown): string {
  if (typeof value !== "string") return "UTC";
  try {
    return new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}

/** What calendar and clock show in a time zone, as "Saturday 2026-11-21T17:15:56+01:00". */
export function localTime(atMs: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "medium"
  });
  const weekday = new Intl.DateTimeFormat("en", { timeZone, weekday: "long" }).format(atMs);
  const offset = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" })
    .formatToParts(atMs)
    .find(({ type }) => type === "timeZoneName")!
    .value.slice("GMT".length);
  return `${weekday} ${format.format(atMs).replace(" ", "T")}${offset || "+00:00"}`;
}
