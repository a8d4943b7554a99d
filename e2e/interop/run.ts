// The interoperability tests: `node interop/run.ts [part of a scenario's name]`.
import { launch } from "../harness/browser.ts";
import { install } from "./harness/install.ts";
import { Pair } from "./harness/pair.ts";
import { runAll, type Result } from "./harness/run-all.ts";
import { Scripts } from "./harness/scripts.ts";
import { printTable } from "./harness/table.ts";
import { versions, type Version } from "./harness/versions.ts";
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
for (const version of versions) await install(version);
const [browser, scripts] = await Promise.all([launch(), Scripts.start()]);
const results = await Promise.all(versions.map(runVersion));
await browser.close();
scripts.stop();
process.exitCode = printTable(results.flat(), filter !== undefined) ? 0 : 1;

/** Versions do not share servers: scenarios kill theirs. */
async function runVersion(version: Version): Promise<Result[]> {
  const [ours, theirs] = await Promise.all([Server.start("ours"), Server.start(version)]);
  const stage = { browser, scripts };
  const toUs = await Pair.make("their client, our server", version, { ...stage, server: ours });
  const toThem = await Pair.make("our client, their server", version, { ...stage, server: theirs });
  const afterThem = await Pair.make("their data, our server", version, { ...stage, server: theirs });
  const results = [
    ...(await runAll(toUs, scenarios, filter)),
    ...(await runAll(toThem, scenarios, filter)),
    ...(await runAll(afterThem, data, filter))
  ];
  await Promise.all([ours.stop(), theirs.stop()]);
  return results;
}
