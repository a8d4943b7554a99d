// Every suite, in the order they run. A new one is a file beside this, and a line here.
import type { Suite } from "../harness/suite.ts";
import { chat } from "./chat.bench.ts";
import { connecting } from "./connect.bench.ts";
import { longChat } from "./long-chat.bench.ts";
import { memory } from "./memory.bench.ts";
import { rpc } from "./rpc.bench.ts";
import { size } from "./size.bench.ts";
import { start } from "./start.bench.ts";
import { state } from "./state.bench.ts";
import { storage } from "./storage.bench.ts";
import { wake } from "./wake.bench.ts";
import { work } from "./work.bench.ts";

export const suites: Suite[] = [rpc, state, connecting, work, chat, longChat, wake, start, memory, size, storage];
