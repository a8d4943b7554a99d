import { posix } from "node:path";
import { parseAst } from "vite";

/** Who may import what, for one folder of `src` (`.` is `src` itself). */
export interface Rule {
  /** Folders of the same `src`. A folder may always import itself. */
  folders: (folder: string) => boolean;
  /** Packages and modules of the platform. */
  packages: (specifier: string, typeOnly: boolean) => boolean;
}

/** The rule for a folder. */
export type Rules = (folder: string) => Rule;

export interface Import {
  specifier: string;
  typeOnly: boolean;
  /** `import()` in code. */
  isDynamic: boolean;
}

const oneOf =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name);
const noneOf =
  (...names: string[]) =>
  (name: string) =>
    !names.includes(name);
const nothing = () => false;
const platform = (specifier: string) => /^(node|cloudflare):/.test(specifier);

/** `agent.ts` → features → `core` → `protocol`, and `react` → `client` → `protocol`. Features never import each other. */
export const agentsRules: Rules = (folder) => {
  switch (folder) {
    case "protocol":
      return { folders: nothing, packages: nothing };
    case "observability":
      return { folders: oneOf("protocol"), packages: (name) => platform(name) || name === "@opentelemetry/api" };
    case "retry":
      return { folders: oneOf("protocol"), packages: platform };
    case "core":
      return { folders: oneOf("protocol", "observability", "retry"), packages: platform };
    case "client":
      return { folders: oneOf("protocol"), packages: oneOf() };
    case "react":
      return { folders: oneOf("client", "protocol"), packages: oneOf("react") };
    case "vite":
      return { folders: nothing, packages: oneOf("esbuild", "vite") };
    case "testing":
      // The one place where code of tests is published.
      return { folders: oneOf(".", "core", "protocol"), packages: (name) => platform(name) || name === "vitest" };
    case "ai-chat":
      // Other paths of that package, and nothing more.
      return { folders: nothing, packages: (name) => name.startsWith("@cloudflare/ai-chat") };
    case ".":
      return { folders: noneOf("client", "react", "vite", "ai-chat", "test", "testing"), packages: platform };
    default:
      return {
        folders: oneOf("core", "protocol", "observability", "retry"),
        packages: noneOf("agents", "react", "react-dom", "esbuild", "vite")
      };
  }
};

/** `react` → `client` → `messages` → `protocol`; what runs in the agent imports neither of the first two. */
export const chatRules: Rules = (folder) => {
  switch (folder) {
    case "protocol":
      return { folders: nothing, packages: (name, typeOnly) => typeOnly && oneOf("ai", "agents/types")(name) };
    case "messages":
      // Both ends use it, and the types of storage leave nothing behind.
      return {
        folders: oneOf("protocol"),
        packages: (name, typeOnly) => oneOf("ai", "agents/types")(name) || (typeOnly && name === "agents/capability")
      };
    case "client":
      // The types of the AI SDK, and nothing of it in a page.
      return {
        folders: oneOf("messages", "protocol"),
        packages: (name, typeOnly) => typeOnly && name === "ai"
      };
    case "react":
      return {
        folders: oneOf("client", "protocol"),
        packages: (name, typeOnly) => name === "react" || (typeOnly && name === "ai")
      };
    default:
      return {
        folders: noneOf("react", "client", "test"),
        packages: noneOf("react", "react-dom", "@ai-sdk/react", "agents/react", "agents/client", "@cloudflare/ai-chat")
      };
  }
};

/** A middleware around the public interface of `agents`. */
export const honoRules: Rules = () => ({ folders: nothing, packages: oneOf("agents", "hono", "hono/request") });

/** One line for each import that breaks a rule. `files` maps a path below `src` to its text; tests are not looked at. */
export function violations(files: ReadonlyMap<string, string>, rules: Rules): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    if (isTest(path)) continue;
    const folder = folderOf(path);
    const rule = rules(folder);
    for (const { specifier, typeOnly } of importsOf(path, text)) {
      const target = specifier.startsWith(".") && folderOf(resolved(path, specifier, files));
      const allowed = target ? target === folder || rule.folders(target) : rule.packages(specifier, typeOnly);
      if (!allowed) found.push(`${path} imports ${specifier}`);
    }
  }
  return found;
}

/** Every module that a file names: imports, re-exports, `import()` and `import()` types. */
export function importsOf(path: string, text: string): Import[] {
  const imports: Import[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (typeof value !== "object" || value === null) return;
    const node = value as Record<string, unknown> & { source?: { value?: unknown } | null };
    const specifier = node.source?.value;
    if (typeof specifier === "string" && /^(Import|Export|TSImport)/.test(String(node.type))) {
      const typeOnly = node.type === "TSImportType" || node.importKind === "type" || node.exportKind === "type";
      imports.push({ specifier, typeOnly, isDynamic: node.type === "ImportExpression" });
    }
    Object.values(node).forEach(visit);
  };
  visit(parseAst(text, { lang: path.endsWith("x") ? "tsx" : "ts" }));
  return imports;
}

/** Every package that a built file needs, its own chunks' included. `read` gives the text of a file. */
export function packagesOf(entry: string, read: (path: string) => string): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier } of importsOf(path, read(path))) {
      if (specifier.startsWith(".")) visit(posix.join(posix.dirname(path), specifier));
      else packages.add(specifier);
    }
  };
  visit(entry);
  return packages;
}

/** The path that a relative import means; `../client` is `client/index`. */
function resolved(from: string, specifier: string, files: ReadonlyMap<string, string>): string {
  const path = posix.join(posix.dirname(from), specifier);
  return files.has(`${path}/index.ts`) ? `${path}/index` : path;
}

function folderOf(path: string): string {
  const slash = path.indexOf("/");
  return slash === -1 ? "." : path.slice(0, slash);
}

/** Tests, tests of types, and what only they use: `fake-agent.node.ts` runs on Node. */
function isTest(path: string): boolean {
  return folderOf(path) === "test" || /\.(test|test-d|node)\.tsx?$/.test(path);
}
