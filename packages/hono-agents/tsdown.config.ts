import { defineConfig } from "tsdown";

export default defineConfig({
  tsconfig: "tsconfig.build.json",
  entry: ["src/index.ts"],
  format: "esm",
  fixedExtension: true,
  platform: "neutral",
  target: "es2023",
  dts: true,
  sourcemap: true,
  outputOptions: { comments: { jsdoc: false } },
  logLevel: "warn"
});
