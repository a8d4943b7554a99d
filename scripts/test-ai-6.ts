// `npm run test:ai-6`: the tests of the chat on version 6 of the AI SDK, which it supports beside the one that it is made with.
// Types are checked by `npm run types`, through the tsconfig files of `compat/ai-6`.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { delimiter, resolve } from "node:path";

// The agents of these tests answer without the AI SDK, and take most of the time.
const withoutAiSdk = /(chat\.converge|\.fault)\.test\.ts$/;
const files = globSync("packages/ai-chat/src/**/*.test.{ts,tsx}").filter((file) => !withoutAiSdk.test(file));

const { status } = spawnSync("vitest", ["run", ...files], {
  env: {
    ...process.env,
    PATH: [resolve("node_modules/.bin"), process.env.PATH].join(delimiter),
    AI_SDK: "6",
    // Enough that each golden stream has its turn.
    FUZZ_SEEDS: "30"
  },
  stdio: "inherit",
  shell: process.platform === "win32"
});
process.exitCode = status ?? 1;
