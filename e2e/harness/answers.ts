import type { ChatTab } from "./chat-tab.ts";

/** The answer as the page's own “Copy reply” gives it, before any rendering. */
export async function copyReply(tab: ChatTab): Promise<string> {
  await tab.lastMessage.hover();
  await tab.lastMessage.getByRole("button", { name: "Copy reply" }).click();
  await tab.lastMessage.getByRole("button", { name: "Copied" }).waitFor();
  return (await tab.record()).copied ?? "";
}

/** What the demo model says when it counts. */
export function counted(limit: number): string {
  const numbers = Array.from({ length: limit }, (_, index) => `${index + 1}`);
  const lines = Array.from({ length: Math.ceil(limit / 10) }, (_, index) =>
    numbers.slice(index * 10, index * 10 + 10).join(", ")
  );
  return `${lines.join(",\n")}.\n\nThat was every number up to ${limit}.`;
}
