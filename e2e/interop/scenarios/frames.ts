import assert from "node:assert/strict";
import type { Scenario } from "../harness/scenario.ts";

/** Comes last: it looks at what all the others made both ends say. */
export const frames: Scenario[] = [
  {
    name: "our end has said nothing that is not in the documented protocol",
    async run(pair) {
      const us = pair.direction === "our client, their server" ? "client" : "server";
      assert.ok(pair.traffic.frames.filter(({ by }) => by === us).length > 200);
      assert.deepEqual(pair.traffic.undocumented(us), []);
    }
  }
];
