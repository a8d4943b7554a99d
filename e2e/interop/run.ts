// The interoperability tests: `node interop/run.ts [part of a scenario's name]`.
import { launch } from "../harness/browser.ts";
import { install } from "./harness/install.ts";
import { Pair } from "./harness/pair.ts";
import { runAll, type Result } from "./harness/run-all.ts";
import { printTable } from "./harness/table.ts";
import { versions } from "./harness/versions.ts";
import { Server } from "./harness/workerd.ts";
import { calls } from "./scenarios/calls.ts";
import { chat } from "./scenarios/chat.ts";
import { connection } from "./scenarios/connection.ts";
import { data } from "./scenarios/data.ts";
import { frames } from "./scenarios/frames.ts";
import { hooks } from "./scenarios/hooks.ts";
import { messages } from "./scenarios/messages.ts";
import { routing } from "./scenarios/routing.ts";
import { state } from "./scenarios/state.ts";

const filter = process.argv[2];
const scenarios = [...state, ...calls, ...messages, ...connection, ...routing, ...hooks, ...chat, ...frames];
const results: Result[] = [];
for (const version of versions) await install(version);
const browser = await launch();
try {
  const ours = await Server.start("ours");
  for (const version of versions) {
    const theirs = await Server.start(version);
    results.push(
      ...(await runAll(await Pair.make("their client, our server", version, ours, browser), scenarios, filter)),
      ...(await runAll(await Pair.make("our client, their server", version, theirs, browser), scenarios, filter)),
      ...(await runAll(await Pair.make("their data, our server", version, theirs, browser), data, filter))
    );
    await theirs.stop();
  }
  await ours.stop();
} finally {
  await browser.close();
}
process.exitCode = printTable(results, filter !== undefined) ? 0 : 1;
