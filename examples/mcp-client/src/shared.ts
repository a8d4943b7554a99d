/** What a server has answered, in parts that a page can show. */
export type Answer = { failed: boolean; parts: Part[] };

export type Part = { kind: "text"; label: string; text: string } | { kind: "image"; label: string; source: string };
