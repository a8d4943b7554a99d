import { defineConfig, type UserConfig } from "tsdown";

const shared: UserConfig = {
  // One file for each of the source: code of the browser and of the server never share one unless both import it, and
  // a bundler drops what a program does not use.
  unbundle: true,
  root: "src",
  format: "esm",
  fixedExtension: true,
  platform: "neutral",
  target: "es2023",
  dts: true,
  sourcemap: true,
  // Each configuration writes the files that several of them share: whole, or one would drop what another needs.
  treeshake: false,
  deps: { neverBundle: [/^node:/, /^cloudflare:/] },
  logLevel: "warn"
};

// Each runtime has its own global types, and so its own tsconfig.
export default defineConfig([
  { ...shared, tsconfig: "tsconfig.json", entry: ["src/index.ts", "src/types.ts", "src/capability.ts"] },
  { ...shared, tsconfig: "tsconfig.client.json", entry: ["src/client/index.ts", "src/react/index.ts"] },
  { ...shared, tsconfig: "tsconfig.node.json", entry: ["src/vite/index.ts"] }
]);
