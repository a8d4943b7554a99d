// Type-checks the code of the documentation as a reader would: against the built packages, with the settings of
// `agents/tsconfig`. `snippets.node.test.ts` runs it on every page.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = `${root}node_modules/typescript/bin/tsc`;

export interface Page {
  /** As it is named in a failure. */
  path: string;
  text: string;
}

interface Snippet {
  page: string;
  /** The line of the page before the first line of code. */
  line: number;
  /** Which of its page it is. */
  index: number;
  code: string;
  /** `server.ts`: what its first line calls it, or a name of our own. Other snippets of the page import it by that. */
  file: string;
}

// Code of several runtimes cannot be checked together: their global types contradict each other.
const runtimes = {
  server: { lib: ["ES2024", "ESNext.Decorators"], types: ["@cloudflare/workers-types"] },
  client: { lib: ["ES2024", "DOM", "DOM.Iterable"], types: [] },
  // A client that takes the type of a server's class sees the types of both.
  app: { lib: ["ES2024", "ESNext.Decorators", "DOM", "DOM.Iterable"], types: ["@cloudflare/workers-types"] },
  node: { lib: ["ES2024", "DOM"], types: ["node"] }
} satisfies Record<string, { lib: string[]; types: string[] }>;
type Runtime = keyof typeof runtimes;

/** All blocks of a page that are marked as `ts` or `tsx`. */
export function snippetsOf({ path, text }: Page): Snippet[] {
  const snippets: Snippet[] = [];
  for (const match of text.matchAll(/^([ \t]*)```(tsx?)\b.*\n([^]*?)^\1```[ \t]*$/gm)) {
    const [, indent = "", extension = "ts", indented = ""] = match;
    const code = indented.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    const index = snippets.length;
    const line = text.slice(0, match.index).split("\n").length;
    // "// src/server.ts", and perhaps more about it.
    const name = /^\/\/ (?:src\/)?([\w./-]+\.tsx?)\b/.exec(code)?.[1];
    snippets.push({ page: path, line, index, code, file: name ?? `snippet.${extension}` });
  }
  return snippets;
}

/**
 * Checks the types of all snippets of some pages, all pages at once.
 *
 * @returns one text for each error, with page and line
 */
export async function checkSnippets(pages: readonly Page[], ambient: string): Promise<string[]> {
  const cache = `${root}node_modules/.cache`;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(`${cache}/snippets-`);
  try {
    const origins = new Map<string, Snippet>();
    const files: Record<Runtime, string[]> = { server: [], client: [], app: [], node: [] };
    for (const page of pages) {
      const snippets = snippetsOf(page);
      for (const snippet of snippets) {
        write(join(folder, pathOf(snippet)), snippet.code);
        writeBridges(folder, snippet, snippets);
        origins.set(pathOf(snippet), snippet);
        files[runtimeOf(snippet, snippets)].push(pathOf(snippet));
      }
    }
    const names = Object.keys(runtimes) as Runtime[];
    const found = await Promise.all(names.map((name) => typeCheck(folder, name, files[name], ambient)));
    // What two runtimes see of one file is told once.
    return [...new Set(found.flat().map((error) => atPage(error, origins)))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const pathOf = ({ page, index, file }: Snippet): string => `${page.replaceAll("/", "+")}/${index}/${file}`;

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const importsOf = (code: string): string[] => [...code.matchAll(/\bfrom "([^"]+)"/g)].map(([, path]) => path!);

/** The snippet of the same page that an import path means: the last one before, else the first one after. */
function imported(path: string, from: Snippet, all: readonly Snippet[]): Snippet | undefined {
  if (!path.startsWith(".")) return undefined;
  const wanted = posix.join(posix.dirname(from.file), path);
  const named = all.filter((other) => other !== from && other.file.replace(/\.tsx?$/, "") === wanted);
  return named.findLast(({ index }) => index < from.index) ?? named[0];
}

/** Puts the snippets that this one imports where it expects them. */
function writeBridges(folder: string, snippet: Snippet, all: readonly Snippet[]): void {
  for (const path of importsOf(snippet.code)) {
    const other = imported(path, snippet, all);
    if (!other) continue;
    const bridge = posix.join(dirname(pathOf(snippet)), other.file);
    const target = posix.relative(dirname(bridge), pathOf(other)).replace(/\.tsx?$/, "");
    const byDefault = /^export default /m.test(other.code) ? `export { default } from "${target}";\n` : "";
    write(join(folder, bridge), `export * from "${target}";\n${byDefault}`);
  }
}

function runtimeOf(snippet: Snippet, all: readonly Snippet[]): Runtime {
  const paths = importsOf(snippet.code);
  if (paths.some((path) => /^(vite|agents\/vite|node:fs)$/.test(path))) return "node";
  if (!isClient(snippet)) return "server";
  const others = paths.map((path) => imported(path, snippet, all));
  return others.some((other) => other && runtimeOf(other, all) !== "client") ? "app" : "client";
}

const isClient = ({ code, file }: Snippet): boolean =>
  file.endsWith(".tsx") ||
  importsOf(code).some((path) => /^(agents\/(client|react|ai-react)|@cloudflare\/ai-chat\/react)$/.test(path));

async function typeCheck(folder: string, runtime: Runtime, files: string[], ambient: string): Promise<string[]> {
  if (files.length === 0) return [];
  const project = join(folder, `tsconfig.${runtime}.json`);
  const { lib, types } = runtimes[runtime];
  const isServer = types.some((name) => name.includes("workers"));
  const config = {
    extends: "agents/tsconfig",
    compilerOptions: { lib, types },
    files: isServer ? [...files, ambient] : files
  };
  write(project, JSON.stringify(config));
  const output = await new Promise<string>((resolve) => {
    const args = [tsc, "--pretty", "false", "-p", project];
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve(error ? stdout + stderr || error.message : "")
    );
  });
  // The lines that explain an error are indented.
  return output.trim() === "" ? [] : output.trim().split(/\n(?!\s)/);
}

/** `path(line,column): error …` of a written file, as the place in its page. */
function atPage(error: string, origins: ReadonlyMap<string, Snippet>): string {
  const [start, path = "", line] = /^(.+?)\((\d+),\d+\): error /.exec(error) ?? [];
  const snippet = origins.get(path.replaceAll("\\", "/"));
  return snippet && start ? `${snippet.page}:${snippet.line + Number(line)}: ${error.slice(start.length)}` : error;
}
