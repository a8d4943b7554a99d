import type { UIMessage } from "ai";
import { migrateMessage } from "./migrate";

/** Reads the text of a row. A message that an older release wrote stays as it is in its row until it changes. */
export function storedMessage(id: string, text: string): UIMessage | undefined {
  try {
    return migrateMessage(JSON.parse(text), id);
  } catch {
    return undefined;
  }
}
