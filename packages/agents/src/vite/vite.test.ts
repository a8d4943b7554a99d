import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { build, createServer, type InlineConfig } from "vite";
import { mayHaveDecorators } from "./decorators.ts";
import agentsPlugin, { agents } from "./index.ts";

const decorated = `
type Argument = string;
function callable() {
  return (method: (...args: never[]) => unknown, context: ClassMethodDecoratorContext) => {
    (context.metadata.callable as string[] | undefined) ?? (context.metadata.callable = []);
    (context.metadata.callable as string[]).push(String(context.name));
    return function (this: unknown, ...args: never[]) { return "called " + method.apply(this, args); };
  };
}
export class Greeter {
  #greeting = "hello";
  @callable()
  greet(name: Argument) { return this.#greeting + " " + name; }
}
export const metadata = Greeter[Symbol.metadata ?? Symbol.for("Symbol.metadata")] as { callable: string[] };
`;

const folders: string[] = [];
afterEach(async () => {
  vi.doUnmock("esbuild");
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

/** Writes files into a new folder, which is gone after the test. */
async function write(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "agents-vite-"));
  folders.push(folder);
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
  return folder;
}

/** Builds files with Vite and the plugin; the output of `entry`. */
async function bundle(files: Record<string, string>, entry: string, config: InlineConfig = {}): Promise<string> {
  const folder = await write(files);
  const output = await build({
    root: folder,
    configFile: false,
    logLevel: "error",
    plugins: [agents()],
    ...config,
    build: { write: false, minify: false, lib: { entry, formats: ["es"] }, ...config.build }
  });
  const [first] = [output].flat() as { output: { code: string }[] }[];
  return first!.output[0]!.code;
}

const run = (code: string) => import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);

function transform(code: string, id = "/project/src/agent.ts") {
  return agents().transform.handler(code, id);
}

describe("a decorated class", () => {
  it("works after a build, with context.metadata", async () => {
    const code = await bundle({ "agent.ts": decorated }, "agent.ts");
    expect(code).not.toMatch(/@callable/);
    const { Greeter, metadata } = await run(code);
    expect(new Greeter().greet("you")).toBe("called hello you");
    expect(metadata.callable).toEqual(["greet"]);
  });

  // proves callable-methods#experimentalDecorators
  it("has standard decorators even when tsconfig.json asks for the legacy ones", async () => {
    const options = { experimentalDecorators: true, emitDecoratorMetadata: true, useDefineForClassFields: false };
    const tsconfig = JSON.stringify({ compilerOptions: { ...options, target: "ES2017" } });
    const { Greeter, metadata } = await run(
      await bundle({ "agent.ts": decorated, "tsconfig.json": tsconfig }, "agent.ts")
    );
    expect(new Greeter().greet("you")).toBe("called hello you");
    expect(metadata.callable).toEqual(["greet"]);
  });

  it("may stand in a file with JSX, which is left to the next plugin", async () => {
    const tsx = `${decorated}\nexport const view = (name: string) => <b title={name}>{new Greeter().greet(name)}</b>;`;
    expect(await transform(tsx, "/project/view.tsx")).toMatchObject({
      code: expect.stringContaining("<b title={name}>"),
      moduleType: "jsx"
    });
    const code = await bundle({ "view.tsx": tsx }, "view.tsx", {
      oxc: { jsx: { runtime: "classic", pragma: "h", development: false } }
    });
    const { view } = await run(`const h = (...args) => args;\n${code}`);
    expect(view("you")).toEqual(["b", { title: "you" }, "called hello you"]);
  });

  it("works in development beside the React plugin, which still sees its components", async () => {
    const tsx = `${decorated}\nexport function View() { return <b>{new Greeter().greet("you")}</b>; }`;
    const folder = await write({ "view.tsx": tsx, "jsx.ts": "export const jsxDEV = () => {};" });
    const server = await createServer({
      root: folder,
      configFile: false,
      logLevel: "error",
      server: { middlewareMode: true, ws: false, watch: null },
      resolve: { alias: { "react/jsx-dev-runtime": join(folder, "jsx.ts") } },
      optimizeDeps: { noDiscovery: true },
      plugins: [agents(), react()]
    });
    try {
      const { code } = (await server.environments.client.transformRequest("/view.tsx"))!;
      expect(code).not.toMatch(/@callable/);
      expect(code).toMatch(/\$RefreshReg\$\(_c, "View"\)/);
      expect(code).toMatch(/jsxDEV\("b"/);
    } finally {
      await server.close();
    }
  });

  it("keeps a source map to the lines that were written", async () => {
    const result = (await transform(decorated))!;
    const lines = result.code.split("\n");
    const line = lines.findIndex((text) => text.includes("greet(name)"));
    const entry = new SourceMap(JSON.parse(result.map)).findEntry(line, lines[line]!.indexOf("greet"));
    expect(entry).toMatchObject({
      originalSource: "/project/src/agent.ts",
      originalLine: decorated.split("\n").findIndex((text) => text.includes("greet(name"))
    });
  });

  it("changes nothing else: newer syntax stays", async () => {
    const result = await transform("class A { @log m() { using a = b(); return import.meta.url ?? /x/v; } }");
    expect(result!.code).toMatch(/using a = b\(\)/);
    expect(result!.code).toMatch(/\/x\/v/);
  });
});

describe("the files it reads", () => {
  it.each([
    ["/project/a.ts", true],
    ["/project/a.mts?v=1", true],
    ["/project/a.js", true],
    ["/project/a.jsx", true],
    ["C:/project/a.ts", true],
    ["/project/node_modules/lib/a.js", false],
    ["/project/a.css", false],
    ["/project/a.vue", false],
    ["/project/a.ts?raw", false],
    ["/project/a.ts?url&x", false]
  ])("%s: %s", async (id, read) => {
    const code = "function log(m, c) {}\nclass A { @log m() {} }";
    expect((await transform(code, id)) !== undefined).toBe(read);
  });
});

describe("a file without decorators", () => {
  it.each([
    'export const mail = "someone@example.com";',
    'import { openai } from "@ai-sdk/openai";',
    "export const css = `${prefix}@2x`;",
    "/**\n * Greets.\n * @example greet()\n * @param name who\n */\nexport function greet() {}",
    "/** @type {import('x').Y} */\nexport const y = 1;",
    "// @ts-expect-error\nexport const y: number = 'a';"
  ])("is left alone: %j", async (code) => {
    expect(await transform(code)).toBeUndefined();
  });

  it("means the same when an @ makes it be read anyway", async () => {
    const code = 'export const text = "write to @someone, or to @callable() me"; // @noted';
    const result = await transform(code);
    const { text } = await run(result!.code);
    expect(text).toBe("write to @someone, or to @callable() me");
  });
});

it.each([
  "@callable() class A {}",
  "export default @sealed class {}",
  "export @sealed class A {}",
  "class A {@log m() {}}",
  "class A { a = 1;@log m() {} }",
  "const A = (@sealed class {});",
  "class A {\n  /** Says hello. */ @callable() hello() {}\n}",
  "class A {\n  /** x */\n  @(flags ? a : b) m() {}\n}",
  "class A {\n  @callable({ description: 'a // b' }) m() {}\n}",
  "const glob = 'src/**';\nclass A {\n  @log\n  m() {}\n}",
  "class A {\n  @$log m() {}\n}",
  "class A {\n  @élan m() {}\n}"
])("sees the decorator in %j", (code) => {
  expect(mayHaveDecorators(code)).toBe(true);
});

it("says what to install when esbuild is missing", async () => {
  vi.doMock("esbuild", () => {
    throw new Error("Cannot find package 'esbuild'");
  });
  await expect(transform(decorated)).rejects.toThrow("npm i -D esbuild");
});

it("is both the default and a named export", () => {
  expect(agentsPlugin).toBe(agents);
});
