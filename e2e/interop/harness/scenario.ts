import type { Pair } from "./pair.ts";
import type { Direction, Version } from "./versions.ts";

export interface Scenario {
  name: string;
  run(pair: Pair): Promise<void>;
  /** Where a release does not have what it is about. It does not count there. */
  absent?: Absence[];
}

export interface Absence {
  version: Version;
  direction: Direction;
  reason: string;
}
