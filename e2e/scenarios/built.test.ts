import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { lazyServer, scenario } from "../harness/scenario.ts";
import { runTool, Server, starter } from "../harness/server.ts";

// What a build leaves behind, where there was nothing: with it, wrangler refuses other configurations of this folder.
const leftovers = [".wrangler/deploy", "dist"].map((path) => join(starter, path)).filter((path) => !existsSync(path));
after(() => {
  for (const path of leftovers) rmSync(path, { recursive: true, force: true });
});

const built = lazyServer(() => {
  runTool("vite", "build");
  return Server.start("preview");
});

scenario(
  ["starter-builds"],
  "The built Worker passes the dry run and answers",
  async (stage) => {
    assert.match(runTool("wrangler", "deploy", "--dry-run"), /env\.ChatAgent[\s\S]*--dry-run: exiting now/);
    const tab = await stage.tab();
    assert.match(await tab.askAndWait("What is the weather in Tokyo?", /It is .* in Tokyo/), /°C/);
    // A method that is called, so its decorator has been lowered.
    await tab.page.getByTestId("model-badge").getByText("Demo model").waitFor();
    await tab.reload();
    assert.equal(await tab.messages.count(), 2);
    // A page that does not exist is the application too.
    const response = await fetch(`${stage.server.url}/some/page`);
    assert.match(await response.text(), /<div id="root">/);
  },
  { server: built }
);
