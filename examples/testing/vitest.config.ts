// vitest.config.ts
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import agents from "agents/vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [agents(), cloudflareTest({ wrangler: { configPath: "./wrangler.jsonc" } })]
});
