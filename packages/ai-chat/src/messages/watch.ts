import type { UIMessage } from "ai";

/** Sees what is stored, in the transaction in which it is. */
export interface Watch {
  /** @returns the message that is stored instead */
  storing(message: UIMessage): UIMessage;
  /** @param replaced as they are now */
  stored(gone: readonly string[], replaced: readonly UIMessage[]): void;
  cleared(): void;
}
