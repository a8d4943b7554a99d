// Bundles a Worker as a deploy does, and browser code as an application does.
import { isBuiltin } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
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

/** For the floor, workers/floor-{name}.ts where there is one, also when another Worker imports it. */
function workerPlugin({ floor }: Implementation): Plugin {
  return {
    name: "worker",
    setup(build) {
      build.onResolve({ filter: /\.ts$/ }, ({ path, importer }) => {
        if (!floor || (importer !== "" && dirname(importer) !== workersFolder)) return undefined;
        const replacement = join(workersFolder, `floor-${basename(path)}`);
        return existsSync(replacement) ? { path: replacement } : undefined;
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
  plugins: [workerPlugin(implementation), implementationPlugin(implementation), builtinsPlugin]
});

/** Bundles workers/{name}.ts for one implementation. With `noting`, each of its modules notes when it is evaluated. */
export async function buildWorker(
  implementation: Implementation,
  name: string,
  { noting = false }: { noting?: boolean } = {}
): Promise<Bundle> {
  const options = workerOptions(implementation);
  const { outputFiles } = await build({
    ...options,
    plugins: [...options.plugins, ...(noting ? [notingPlugin] : [])],
    entryPoints: [workerFile(name)],
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
  ship({ ...workerOptions(implementation), entryPoints: [workerFile(name)] });

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
    stdin: { contents: code, resolveDir: implementation.folder }
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
  const loaded = loadedFiles(metafile);
  return { all: outputFiles, loaded: outputFiles.filter(({ path }) => loaded.has(relative(repository, path))) };
}

/** The file of the entry, and those that it imports statically. */
function loadedFiles({ outputs }: Metafile): Set<string> {
  const paths = Object.keys(outputs);
  const later = new Set(
    paths.flatMap((path) =>
      outputs[path]!.imports.filter(({ kind }) => kind === "dynamic-import").map(({ path }) => path)
    )
  );
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path) || !outputs[path]) return;
    found.add(path);
    for (const { path: imported, kind } of outputs[path].imports) if (kind === "import-statement") visit(imported);
  };
  // What is imported dynamically is an entry point too.
  const entry = paths.find((path) => outputs[path]!.entryPoint !== undefined && !later.has(path));
  if (entry === undefined) throw new Error(`none of ${paths.join(", ")} is the entry`);
  visit(entry);
  return found;
}

const workerFile = (name: string) => join(workersFolder, `${name}.ts`);
