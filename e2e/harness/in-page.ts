/**
 * Runs in the page before its own scripts. It must not use anything from outside.
 *
 * What happens between two looks of a test would be missed, so it is written down here.
 */
export function recordPage(): void {
  const record: PageRecord = { answers: [], tools: [], statuses: [], ids: [], copied: undefined };
  Object.assign(window, { record });

  const push = (list: string[], value: string) => {
    if (list.at(-1) !== value) list.push(value);
  };
  const look = () => {
    const messages = [...document.querySelectorAll<HTMLElement>("[data-testid=message]")];
    push(record.ids, messages.map(({ dataset }) => dataset.messageId).join(" "));
    const last = messages.at(-1);
    if (last?.dataset.role === "assistant") {
      const text = [...last.querySelectorAll(".prose")].map(({ textContent }) => textContent).join("\n");
      if (text !== "") push(record.answers, text);
    }
    for (const { dataset } of document.querySelectorAll<HTMLElement>("[data-testid=tool-call]")) {
      push(record.tools, `${dataset.tool} ${dataset.state}`);
    }
    const status = document.querySelector<HTMLElement>("[data-testid=chat-status]");
    if (status) push(record.statuses, status.dataset.status!);
  };
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributeFilter: ["data-state", "data-status", "data-message-id"]
  });

  // All pages of a browser share one clipboard.
  navigator.clipboard.writeText = async (text) => void (record.copied = text);

  // Vite's client reloads the page when the server is back. What the page does by itself would not be seen.
  window.WebSocket = new Proxy(WebSocket, {
    construct: (target, args: [string, string?], newTarget) =>
      args[1] === "vite-hmr"
        ? Object.assign(new EventTarget(), { readyState: 1, send() {}, close() {} })
        : Reflect.construct(target, args, newTarget)
  });
}

/** What the page has shown since it was loaded, each list without repetitions in a row. */
export interface PageRecord {
  /** Texts of the last message, while it was the assistant's. */
  answers: string[];
  /** "tool state" */
  tools: string[];
  statuses: string[];
  /** Ids of all messages. */
  ids: string[];
  /** The text that was copied last. */
  copied: string | undefined;
}
