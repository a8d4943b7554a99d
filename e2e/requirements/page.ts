/**
 * What a page of the documentation promises: a short id for each row of its tables and each rule in its text, with the line
 * where it stands and the promise in our words. A page that is not part of the documentation has no lines.
 */
export type Page = Readonly<Record<string, string | readonly [line: number, promise: string]>>;

/** What a page promises and is not built yet: id → number of the issue that it belongs to. */
export type Later = Readonly<Record<string, number>>;
