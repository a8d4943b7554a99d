import type { Pair } from "./pair.ts";
import type { Version } from "./versions.ts";

/** Who is who: a published client with our server, or our client with a published server. */
export type Direction = "their client, our server" | "our client, their server" | "their data, our server";

export interface Scenario {
  name: string;
  run(pair: Pair): Promise<void>;
  /** What a release does not have, and why; it is then not counted. By direction, if it is one end which does not have it. */
  absent?: Absence[];
}

export interface Absence {
  version: Version;
  direction: Direction;
  reason: string;
}
