import type { Loader } from "esbuild";

/** Code, its source map, and what the code is written in now. */
export interface Transformed {
  code: string;
  map: string;
  moduleType: "js" | "jsx";
}

/** The esbuild loader for a file that has decorators to lower; `undefined` for a file to leave alone. */
export function decoratorLoader(code: string, id: string): Loader | undefined {
  const [path = "", query = ""] = id.split("?", 2);
  if (path.includes("/node_modules/") || /(?:^|&)(?:raw|url)(?:&|=|$)/.test(query)) return undefined;
  const extension = /\.[cm]?([jt]sx?)$/.exec(path)?.[1];
  return extension && mayHaveDecorators(code) ? (extension as Loader) : undefined;
}

/**
 * Whether an `@` stands where a decorator could. An e-mail address, a scoped package and a JSDoc tag do not count.
 * When in doubt the answer is yes: lowering a file without decorators costs a millisecond and changes nothing,
 * missing one breaks the program.
 */
export function mayHaveDecorators(code: string): boolean {
  for (const match of code.matchAll(/(?<![\w$.\-@"'`])@[\p{ID_Start}$_(]/gu)) {
    const line = code.slice(code.lastIndexOf("\n", match.index) + 1, match.index);
    if (!isComment(line)) return true;
  }
  return false;
}

/** Whether what follows `line` on the same line is inside a comment that is easy to tell. */
function isComment(line: string): boolean {
  const start = line.trimStart();
  if (start.startsWith("//")) return true;
  return (start.startsWith("*") || start.startsWith("/*")) && !line.includes("*/");
}

/** Rewrites decorators, and nothing else, into what today's engines run. */
export async function lowerDecorators(code: string, id: string, loader: Loader): Promise<Transformed> {
  const { transform } = await loadEsbuild();
  const result = await transform(code, {
    loader,
    target: "esnext",
    supported: { decorators: false },
    // The React plugin comes after this one and wants to see JSX.
    jsx: "preserve",
    sourcefile: id.split("?", 1)[0],
    sourcemap: "external",
    // Given here so that the tsconfig.json of the project has no say: the legacy decorators are a different language.
    tsconfigRaw: { compilerOptions: { experimentalDecorators: false, useDefineForClassFields: true } }
  });
  return { code: result.code, map: result.map, moduleType: loader.endsWith("x") ? "jsx" : "js" };
}

async function loadEsbuild(): Promise<typeof import("esbuild")> {
  try {
    return await import("esbuild");
  } catch (cause) {
    throw new Error("agents/vite lowers decorators with esbuild, which is not installed. Run: npm i -D esbuild", {
      cause
    });
  }
}
