/** What a user can do with a message. One object for all of them, the same as long as the page is open. */
export type MessageActions = {
  respond: (approvalId: string, approved: boolean) => void;
  edit: (messageId: string, text: string) => void;
  regenerate: (messageId: string) => void;
  /** Ids of all versions of a message, the oldest first. */
  versionsOf: (messageId: string) => Promise<string[]>;
  showVersion: (messageId: string) => void;
};
