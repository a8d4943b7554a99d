// Makes one module of each library that is loaded only when an agent needs it: what an agent takes of the MCP SDK, what writes
// mail, and what reads cron expressions.
//
// A Worker is deployed as one file, which the engine reads whole before the first request. So such a module has no more in it than is used,
// and is minified.
//
// In that one file, esbuild wraps the modules that are imported later, and with them all that they import. Where the program imports one of
// those too, by a file that only passes on what others export (`zod` is such a file), esbuild leaves out the call that runs it: the program
// would find the classes of `zod` undefined when it starts. A module that shares nothing with the program cannot do that.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import MagicString from "magic-string";
import { parseAst } from "vite";
import { rewritten, withoutMembers } from "./without-members.ts";

/** What is done to the libraries that a module passes on, by its name. */
const libraries = {
  "mcp/client/sdk": () => [
    oneCopy("eventsource-parser"),
    instead(/^zod\/v4(-mini)?$/, "src/mcp/client/sdk-zod.ts"),
    withoutUnused(/[\\/]sdk[\\/]dist[\\/]esm[\\/]types\.js$/),
    withoutUnused(/[\\/]sdk[\\/]dist[\\/]esm[\\/]shared[\\/]auth\.js$/),
    // A client asks with `request`.
    withoutMembers(/[\\/]sdk[\\/]dist[\\/]esm[\\/]shared[\\/]protocol\.js$/, {
      members: { Protocol: names`requestStream cancelTask` }
    })
  ],
  "email/mime": () => [
    importedLater({
      "node:crypto": [],
      "node:stream": ["PassThrough", "Transform", "finished", "pipeline"],
      "node:url": []
    }),
    // A mail is written of what is given, addresses in parts, with the line breaks of mail: nothing reads a file or an address of the web for
    // it, takes a list of addresses apart, or guesses a type from the name of a file.
    without(/^node:|[\\/](fetch[\\/]index|shared[\\/]url|mime-types|addressparser[\\/]index|le-unix)\.js$/, [
      "detectExtension",
      "detectMimeType"
    ]),
    // It has one part, headers that are set once, and the envelope that they say. `replace` stays: strings have such a member, too.
    withoutMembers(/[\\/]nodemailer[\\/]dist[\\/]esm[\\/]mime-node[\\/]index\.js$/, {
      members: {
        MimeNode: names`
          createChild appendChild remove addHeader setRaw transform processFunc setEnvelope _parseEnvelopeAddresses getAddresses
          _encodeHeaderValue`
      }
    })
  ],
  "schedule/croner": () => [
    // It is asked when an expression comes next, and nothing else. `match` and `currentRun` stay: other objects there have such a member, too.
    withoutMembers(/[\\/]croner[\\/]dist[\\/]croner\.js$/, {
      members: {
        Cron: names`
          nextRuns enumerate _enumerateRuns msToNext getPattern getOnce previousRun previousRuns _previousTarget _previous
          schedule _schedule _checkTrigger trigger _trigger stop pause resume isRunning isStopped isBusy`,
        CronDate: names`decrement recurseBackward recurseBackwardStep findPrevious getMaxPatternValue`
      },
      // With a function to call, and on the way to an earlier time.
      unreached: ["this.schedule", "l.decrement"]
    })
  ]
} satisfies Record<string, () => Plugin[]>;

/** Bundles each of the built modules with what it imports. */
export async function bundleLibraries(): Promise<void> {
  for (const name of Object.keys(libraries) as Library[]) await bundleLibrary(name, `dist/${name}.mjs`);
}

type Library = keyof typeof libraries;

/** @param entry the module, which still imports the packages; it is replaced if no other file is given */
export async function bundleLibrary(name: Library, entry: string, file = entry): Promise<void> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    minify: true,
    sourcemap: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    logOverride: { "import-is-undefined": "error" },
    plugins: libraries[name]()
  });
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => packageOf(resolve(path)));
  const folders = [...new Set(used.filter((folder) => folder !== undefined))].sort();
  const notices = folders.map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
  });
  writeFileSync(file.replace(/\.mjs$/, ".licenses.txt"), notices.join(`\n${"-".repeat(80)}\n\n`));
}

/** The folder of the package that a file is of; `undefined` for our own. */
const packageOf = (path: string) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(path)?.[0];

function names([text]: TemplateStringsArray): string[] {
  return text!.trim().split(/\s+/);
}

/**
 * What no agent has the library do, and what only that needs, is left out.
 *
 * @param names those that the library imports of it, by name
 */
const without = (filter: RegExp, names: string[] = []): Plugin => ({
  name: "without",
  setup(build) {
    build.onResolve({ filter }, ({ path }) => ({ path, namespace: "unused" }));
    build.onLoad({ filter: /./, namespace: "unused" }, () => ({
      contents: `export default undefined; ${names.map((name) => `export const ${name} = undefined;`).join(" ")}`
    }));
  }
});

/** Constants of a file are left out where nobody asks for them, although they are made by a call: a bundler cannot know what that does. */
const withoutUnused = (file: RegExp): Plugin =>
  rewritten(file, (text) => {
    const output = new MagicString(text);
    for (const node of parseAst(text).body) {
      const declared = node.type === "ExportNamedDeclaration" ? node.declaration : node;
      if (declared?.type !== "VariableDeclaration") continue;
      for (const { init } of declared.declarations) {
        if (init?.type !== "CallExpression") continue;
        output.appendLeft(init.start, "/* @__PURE__ */ (() => ").appendRight(init.end, ")()");
      }
    }
    return output.toString();
  });

/** A file of ours takes the place of a module. */
const instead = (filter: RegExp, file: string): Plugin => ({
  name: "instead",
  setup: ({ onResolve }) => onResolve({ filter }, () => ({ path: resolve(file) }))
});

/** The copy that the first to import a package has serves all. */
function oneCopy(name: string): Plugin {
  let folder: string | undefined;
  return {
    name: "one-copy",
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${name}(/|$)`) }, async ({ path, kind, resolveDir, pluginData }) => {
        if (pluginData === "found") return undefined;
        folder ??= resolveDir;
        return build.resolve(path, { kind, resolveDir: folder, pluginData: "found" });
      });
    }
  };
}

/**
 * What a module of the runtime exports, loaded with the library: imported by it, a Worker would load them with its one file.
 *
 * @param names those that the library imports of each, by name
 */
const importedLater = (names: Record<string, string[]>): Plugin => ({
  name: "imported-later",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) => {
      if (!names[path]) return undefined;
      return kind === "dynamic-import" ? { path, external: true } : { path, namespace: "later" };
    });
    build.onLoad({ filter: /./, namespace: "later" }, ({ path }) => ({
      contents: `const module = await import("${path}");
        export default module.default;
        export const { ${names[path]?.join()} } = module;`
    }));
  }
});
