// There is neither outside of browsers.
type Page = {
  window?: Partial<EventTarget>;
  document?: Partial<EventTarget> & { visibilityState?: string };
};

/**
 * Calls `returned` when the page may have slept, or the network been away: what looks connected may not be.
 *
 * @returns ends that
 */
export function watchPage(returned: () => void): () => void {
  const { window, document } = globalThis as Page;
  const seen = () => {
    if (document?.visibilityState === "visible") returned();
  };
  const events = [
    [window, "online", returned],
    [window, "pageshow", returned],
    [document, "resume", returned],
    [document, "visibilitychange", seen]
  ] as const;
  for (const [target, type, listener] of events) target?.addEventListener?.(type, listener);
  return () => {
    for (const [target, type, listener] of events) target?.removeEventListener?.(type, listener);
  };
}
