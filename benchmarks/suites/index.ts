// Every suite, in the order they run.
import type { Suite } from "../harness/suite.ts";
import { rpc } from "./rpc.bench.ts";
import { state } from "./state.bench.ts";

export const suites: Suite[] = [rpc, state];
