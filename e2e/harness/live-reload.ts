/**
 * Runs in the page, before anything else there: the development server can't have it loaded anew. So what a page shows
 * after its server was restarted is what it had, and reconnected by itself.
 */
export function withoutLiveReload(): void {
  /** Never opens. */
  class Silent extends EventTarget {
    readonly readyState = 0;
    send(): void {}
    close(): void {}
  }
  window.WebSocket = new Proxy(WebSocket, {
    construct: (Socket, [url, protocols]: [string, string | string[] | undefined]) =>
      protocols === "vite-hmr" ? new Silent() : new Socket(url, protocols)
  });
}
