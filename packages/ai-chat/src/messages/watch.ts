import type { UIMessage } from "ai";

/** Sees what is stored, in the transaction in which it is. */
export interface Watch {
  /** @returns the message that is stored instead */
  storing(message: UIMessage): UIMessage;
  /**
   * @param replaced as they are now
   * @param dropped those of the ones that are gone which were more than are kept
   */
  stored(gone: readonly string[], replaced: readonly UIMessage[], dropped: readonly string[]): void;
  cleared(): void;
}
