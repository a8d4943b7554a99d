/** Tools that have no `execute` on the server (see tools.ts): the page runs them and sends back what they return. */
export const browserTools: Record<string, (input: unknown) => unknown> = {
  getUserTimezone: () => ({
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    localTime: new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
  })
};
