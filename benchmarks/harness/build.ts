// Bundles a Worker as a deploy does, and browser code as an application does.
import { isBuiltin } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, type BuildOptions, type Metafile, type OutputFile, type Plugin } from "esbuild";
import type { Implementation } from "./implementations.ts";
import { repository, workersFolder } from "./paths.ts";

export interface Bundle {
  code: string;
  sourceMap: string;
}

/** The packages that an implementation provides, wherever they are imported. */
const provided = /^(agents|@cloudflare\/ai-chat)(\/|$)/;

function implementationPlugin({ folder, sources }: Implementation): Plugin {
  return {
    name: "implementation",
    setup(build) {
      build.onResolve({ filter: provided }, ({ path, kind, pluginData }) => {
        // Asked again below, this time for esbuild's own answer.
        if (pluginData === "found") return undefined;
        return build.resolve(sources.get(path) ?? path, { kind, resolveDir: folder, pluginData: "found" });
      });
    }
  };
}

/** Modules of Node are the runtime's, also for packages that `require` them. */
const builtinsPlugin: Plugin = {
  name: "builtins",
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z_]+(\/[a-z_]+)?$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, "");
      if (!isBuiltin(name)) return undefined;
      return kind === "require-call" ? { path: name, namespace: "required" } : { path: `node:${name}`, external: true };
    });
    build.onLoad({ filter: /./, namespace: "required" }, ({ path }) => ({
      contents: `import builtin from "node:${path}"; module.exports = builtin;`
    }));
  }
};

/** Every module notes that it was evaluated, with its path. For the probe in suites/size.bench.ts. */
const notingPlugin: Plugin = {
  name: "noting",
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]s$/, namespace: "file" }, ({ path }) => {
      // On the first line, so that no line moves.
      const note = `(globalThis.evaluated ??= []).push(${JSON.stringify(relative(repository, path))});`;
      return {
        contents: `${note} ${readFileSync(path, "utf8").replace(/^#!.*/, "")}`,
        loader: /\.[cm]?ts$/.test(path) ? "ts" : "js"
      };
    });
  }
};

const workerOptions = (implementation: Implementation): BuildOptions & { plugins: Plugin[] } => ({
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["workerd", "worker", "browser"],
  external: ["cloudflare:*"],
  absWorkingDir: repository,
  logLevel: "silent",
  plugins: [implementationPlugin(implementation), builtinsPlugin]
});

/**
 * Bundles a Worker of workers/ for one implementation.
 * @param name workers/{name}.ts, or workers/floor-{name}.ts for the floor.
 * @param wrapper A Worker of workers/ that imports the first as "measured".
 */
export async function buildWorker(
  implementation: Implementation,
  name: string,
  { wrapper, noting = false }: { wrapper?: string; noting?: boolean } = {}
): Promise<Bundle> {
  const measured = workerFile(implementation, name);
  const options = workerOptions(implementation);
  const { outputFiles } = await build({
    ...options,
    plugins: [...options.plugins, ...(noting ? [notingPlugin] : [])],
    entryPoints: [wrapper ? join(workersFolder, `${wrapper}.ts`) : measured],
    alias: { measured },
    outfile: "worker.mjs",
    sourcemap: "external",
    write: false,
    // As Wrangler does; a profile needs them too.
    keepNames: true
  });
  const text = (suffix: string) => outputFiles.find(({ path }) => path.endsWith(suffix))!.text;
  return { code: text(".mjs"), sourceMap: text(".map") };
}

/** The minified files of a program: those that load with it, and those that it imports later. */
export interface Shipped {
  /** The entry and what it imports statically. */
  loaded: OutputFile[];
  all: OutputFile[];
}

/** Bundles a Worker, minified, with what it imports dynamically in files of their own. */
export const shipWorker = (implementation: Implementation, name: string): Promise<Shipped> =>
  ship({ ...workerOptions(implementation), entryPoints: [workerFile(implementation, name)] });

/** Bundles a piece of browser code, minified. */
export const shipBrowser = (implementation: Implementation, code: string, external: string[] = []): Promise<Shipped> =>
  ship({
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    absWorkingDir: repository,
    logLevel: "silent",
    plugins: [implementationPlugin(implementation)],
    external,
    define: { "process.env.NODE_ENV": '"production"' },
    stdin: { contents: code, resolveDir: repository }
  });

async function ship(options: BuildOptions): Promise<Shipped> {
  const { outputFiles, metafile } = await build({
    ...options,
    minify: true,
    splitting: true,
    outdir: "shipped",
    write: false,
    metafile: true
  });
  const [entry] = (options.entryPoints ?? []) as string[];
  const loaded = loadedFiles(metafile, entry ? relative(repository, entry) : "<stdin>");
  return { all: outputFiles, loaded: outputFiles.filter(({ path }) => loaded.has(relative(repository, path))) };
}

/** The file of the entry, and those that it imports statically. */
export function loadedFiles({ outputs }: Pick<Metafile, "outputs">, entry: string): Set<string> {
  const found = new Set<string>();
  const visit = (path: string) => {
    const output = outputs[path];
    if (!output || found.has(path)) return;
    found.add(path);
    for (const { path: imported, kind } of output.imports) if (kind === "import-statement") visit(imported);
  };
  // A module that is imported dynamically is an entry point too.
  visit(Object.keys(outputs).find((path) => outputs[path]!.entryPoint === entry)!);
  return found;
}

function workerFile({ floor }: Implementation, name: string): string {
  const file = join(workersFolder, `${floor ? "floor-" : ""}${name}.ts`);
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  return file;
}
