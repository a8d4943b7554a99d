/** What objects asked of their storage. */
export interface Counts {
  sql: number;
  /** Synchronous and asynchronous. */
  keyValue: number;
  alarm: number;
  /** As Cloudflare bills them. */
  rowsRead: number;
  rowsWritten: number;
}
