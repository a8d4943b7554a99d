import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import react from "@vitejs/plugin-react";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { agents } from "./packages/agents/src/vite/index.ts";
import { findBrowser } from "./scripts/find-browser.ts";
import { aiSdk } from "./scripts/vite/ai-sdk.ts";
import { countAwaits } from "./scripts/vite/count-awaits.ts";

const root = fileURLToPath(new URL(".", import.meta.url));

// Nothing here needs the network, and nobody should wait for it.
Object.assign(process.env, {
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true"
});

const browserTests = "**/*.browser.test.tsx";
const nodeTests = [
  "**/*.node.test.ts",
  "packages/agents/src/vite/**/*.test.ts",
  "packages/agents/src/protocol/**/*.test.ts"
];
const never = ["**/node_modules/**", "**/dist/**", "e2e/**"];

// One package is tested against the other's source: no build between an edit and its test.
const agentsSource = (entry: string) => `${root}packages/agents/src/${entry}`;
const source = [
  { find: /^agents$/, replacement: agentsSource("index.ts") },
  { find: /^agents\/(types|capability|approvals|email|mcp|workflows)$/, replacement: agentsSource("$1.ts") },
  { find: /^agents\/observability$/, replacement: agentsSource("observability/index.ts") },
  { find: /^agents\/observability\/otel$/, replacement: agentsSource("observability/otel.ts") },
  { find: /^agents\/(client|react|schedule|testing)$/, replacement: agentsSource("$1/index.ts") }
];

// The chat works with the AI SDK that an application brings: `npm run test:ai-6` sets this, and tests know which one they have.
const older = process.env.AI_SDK === "6";
const otherAiSdk = older ? [aiSdk(`${root}compat/ai-6/package.json`)] : [];

// `fuzz` is for property tests (`packages/agents/src/test/random.ts`): `npm test` always tries the same seeds, `npm run fuzz` many others.
const provide = {
  fuzz: { seeds: Number(process.env.FUZZ_SEEDS ?? 300), firstSeed: Number(process.env.FUZZ_SEED ?? 1) },
  aiSdk: older ? (6 as const) : (7 as const)
};

/** The tests of a package that run inside workerd, where its code runs. */
function workers(name: string): TestProjectInlineConfiguration {
  const folder = `packages/${name}`;
  return {
    root,
    resolve: { alias: source },
    plugins: [
      ...otherAiSdk,
      agents(),
      countAwaits({
        root,
        include: (path) => /^packages\/[^/]+\/src\//.test(path) && !/\/src\/test(ing)?\/|\.test\.[^/]+$/.test(path)
      }),
      cloudflareTest({ wrangler: { configPath: `${root}${folder}/src/test/wrangler.jsonc` } })
    ],
    test: {
      name,
      include: [`${folder}/src/**/*.test.ts`],
      exclude: [...never, ...nodeTests, browserTests],
      provide,
      setupFiles: [`${root}packages/agents/src/test/reset-storage.ts`],
      isolate: false
    }
  };
}

/** The other projects run without a browser; `require-browser.ts` speaks up for the one that cannot. */
const executablePath = (() => {
  try {
    return findBrowser();
  } catch {
    return undefined;
  }
})();

const browser: TestProjectInlineConfiguration = {
  root,
  resolve: { alias: source },
  plugins: [...otherAiSdk, react()],
  test: {
    name: "browser",
    include: [browserTests],
    exclude: never,
    globalSetup: [`${root}scripts/vite/require-browser.ts`],
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      instances: [{ browser: "chromium" }],
      provider: playwright({
        launchOptions: {
          executablePath,
          args: [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync"
          ]
        }
      })
    }
  }
};

export default defineConfig({
  test: {
    projects: [
      {
        root,
        resolve: { alias: source },
        plugins: otherAiSdk,
        test: { name: "node", include: nodeTests, exclude: never, provide, environment: "node", isolate: false }
      },
      workers("agents"),
      workers("ai-chat"),
      workers("hono-agents"),
      browser
    ]
  }
});
