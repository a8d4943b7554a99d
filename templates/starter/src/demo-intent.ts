/** A tool call that the rules ask for. `step` orders calls that have to wait for earlier ones ("… then …"). */
export type DemoCall = { toolName: string; input: Record<string, unknown>; step: number };

/** What a message asks for, as far as rules can tell. */
export type Intent =
  | { kind: "calls"; calls: DemoCall[] }
  | { kind: "text"; text: string }
  | { kind: "fail" }
  | { kind: "recall"; what: "name" | "first" | "previous" | "notes" | "self" };
