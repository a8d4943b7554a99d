import { defineConfig, type UserConfig } from "tsdown";
import { bundleLibraries } from "./bundle-libraries.ts";

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
  // What is not a dependency of the built package is bundled here, and by bundle-libraries.ts as an agent needs it.
  deps: { neverBundle: [/^node:/, /^cloudflare:/, /^croner$/, /^nodemailer/] },
  // A constant that is copied into another module leaves an import for nothing there, of which bundlers warn.
  inputOptions: { optimization: { inlineConst: false } },
  // What a member does is said where editors look for it, in the types. A bundler keeps such comments, for an engine to read.
  outputOptions: { comments: { jsdoc: false } },
  // Short names for what is local, for the same reason. Functions and classes keep theirs, which stack traces show; source maps
  // have the rest.
  minify: {
    compress: { keepNames: { function: true, class: true } },
    mangle: { toplevel: false, keepNames: true },
    codegen: { removeWhitespace: false }
  },
  logLevel: "warn"
};

// What server and browser may share (scripts/imports.ts holds them to it) is an entry of both builds, and so whole in
// both: else the one would drop what the other needs.
const both = ["src/protocol/*.ts", "!**/*.test.ts"];

// Each runtime has its own global types, and so its own tsconfig.
export default defineConfig([
  {
    ...shared,
    tsconfig: "tsconfig.build.json",
    entry: [
      "src/{index,types,capability,approvals,email,mcp,mcp-client,do-oauth-client-provider,workflows}.ts",
      "src/{observability,schedule,testing}/index.ts",
      "src/observability/otel.ts",
      "src/ai-chat/{agent,types,v5-migration}.ts",
      ...both
    ],
    onSuccess: bundleLibraries
  },
  {
    ...shared,
    tsconfig: "tsconfig.build.client.json",
    entry: ["src/{client,react}/index.ts", "src/ai-chat/react.ts", ...both]
  },
  { ...shared, tsconfig: "tsconfig.node.json", entry: ["src/vite/index.ts"] }
]);
