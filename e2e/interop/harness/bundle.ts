import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { folderOf, type Implementation } from "./versions.ts";

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** The Worker of `fixtures/worker.ts`, with the packages of an implementation. */
export const bundleWorker = (implementation: Implementation): Promise<string> =>
  bundle(implementation, {
    entryPoints: [`${fixtures}worker.ts`],
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    keepNames: true
  });

/** The script of `fixtures/page.tsx`, with the packages of an implementation. */
export const bundlePage = (implementation: Implementation): Promise<string> =>
  bundle(implementation, {
    entryPoints: [`${fixtures}page.tsx`],
    platform: "browser",
    jsx: "automatic",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' }
  });

async function bundle(implementation: Implementation, options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
    plugins: [packagesOf(implementation), nodeModules]
  });
  return outputFiles![0]!.text;
}

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

/** What a deployment does with Node's modules: they are the runtime's, whichever way they are asked for. */
const nodeModules: Plugin = {
  name: "node-modules",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z_]+(\/[a-z_]+)*$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const bare = path.replace(/^node:/, "");
      return kind === "require-call" ? { path: bare, namespace: "required" } : { path: `node:${bare}`, external: true };
    });
    onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({
      contents: `import module from "node:${path}"; export = module;`,
      loader: "ts"
    }));
  }
};
