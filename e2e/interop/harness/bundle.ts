import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { bundle, workerOptions } from "../../harness/bundle.ts";
import { folderOf, type Implementation } from "./versions.ts";

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** The Worker of `fixtures/worker.ts`, with the packages of an implementation. */
export const bundleWorker = (implementation: Implementation): Promise<string> =>
  bundle({ ...workerOptions, entryPoints: [`${fixtures}worker.ts`], plugins: [packagesOf(implementation)] });

/** The script of `fixtures/page.tsx`, with the packages of an implementation. */
export const bundlePage = (implementation: Implementation): Promise<string> =>
  bundle({
    entryPoints: [`${fixtures}page.tsx`],
    plugins: [packagesOf(implementation)],
    platform: "browser",
    jsx: "automatic",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' }
  });

/** What a fixture imports is looked up where the implementation is installed. */
const packagesOf = (implementation: Implementation): Plugin => ({
  name: "packages-of",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind, importer, pluginData }) => {
      if (!importer.startsWith(fixtures) || pluginData === "looked-up" || path.includes(":")) return undefined;
      return resolve(path, { kind, resolveDir: folderOf(implementation), pluginData: "looked-up" });
    });
  }
});
