import { isBuiltin } from "node:module";
import { build, type BuildOptions, type Plugin } from "esbuild";

/** A program in one file. */
export async function bundle({ plugins = [], ...options }: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "error",
    plugins: [...plugins, nodeModules]
  });
  return outputFiles![0]!.text;
}

/** Options for a Worker, as a deployment bundles it. */
export const workerOptions = {
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["workerd", "worker", "browser"],
  external: ["cloudflare:*"],
  keepNames: true
} satisfies BuildOptions;

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
