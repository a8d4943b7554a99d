/**
 * A class or binding name as URLs have it: `ChatRoom` → `chat-room`, `LOUD_AGENT` → `loud-agent`, `AIAssistant` → `ai-assistant`.
 * A name that is kebab case already stays as it is.
 */
export function kebabCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .replace(/[_\s]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .toLowerCase();
}

/** The spelling that some published clients send: every capital gets a dash of its own (`AIAssistant` → `a-i-assistant`). */
export function dashedCapitals(name: string): string {
  return name.replace(/[A-Z]/g, (letter, index: number) => (index === 0 ? "" : "-") + letter.toLowerCase());
}
