import { SourceMap } from "node:module";
import { afterEach, expect, it } from "vitest";
import { fault } from "../../packages/agents/src/test/fault.ts";
import { rewriteAwaits } from "./count-awaits.ts";

const AsyncFunction = (async () => {}).constructor as new (...code: string[]) => (...values: unknown[]) => Promise<any>;

/** The rewritten form of a function body. Names of its parameters come first. */
function program(...args: [...names: string[], body: string]) {
  const names = args.slice(0, -1);
  const body = `async function run(${names}) {\n${args.at(-1)}\n}`;
  const rewritten = rewriteAwaits(body, "src/file.ts")?.code ?? body;
  return new AsyncFunction(...names, `${rewritten}\nreturn run(${names});`);
}

/** Whether `promise` is still pending after everything that could settle it has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const later = new Promise((resolve) => setTimeout(resolve, 5, "later"));
  return (await Promise.race([promise, later])) === "later";
}

afterEach(() => fault.reset());

it.each<[what: string, body: string, result: unknown, points: number]>([
  ["values and promises", "return (await 1) + (await Promise.resolve(2));", 3, 2],
  ["nothing awaited", "return 1;", 1, 0],
  ["nested awaits", "return await (await (await Promise.resolve(async () => async () => 7))())();", 7, 3],
  ["awaits in awaits", "return await await await 7;", 7, 3],
  ["a comma in brackets", "let a = 0; return await (a++, a);", 1, 1],
  ["an await in arguments", "const f = async (x) => x + 1; return await f(await 1);", 2, 2],
  ["an arrow function", "const f = async (x) => await x; return await f(3);", 3, 2],
  ["a parameter's default", "const f = async (g = async () => await 4) => await g(); return await f();", 4, 3],
  ["a template literal", "return `a${await 1}b${await `${await 2}`}`;", "a1b2", 3],
  ["a class's method", "return await new (class { async m() { return await 5; } })().m();", 5, 2],
  ["an optional call", "const o = null; return await o?.m(await 1);", undefined, 1],
  ["an object literal", "return (await { a: 1 }).a;", 1, 1],
  ["the word in a string", "return await 'await x';", "await x", 1],
  ["try and finally", "try { await Promise.reject(1); } catch { return 2; } finally { await 3; }", 2, 2],
  [
    "for await over a generator",
    "let s = 0; for await (const x of (async function* () { yield 1; yield 2; })()) s += x; return s;",
    3,
    3
  ],
  ["for await over promises", "let s = 0; for await (const x of [1, Promise.resolve(2)]) s += x; return s;", 3, 3],
  ["for await over an awaited value", "let s = 0; for await (const x of await [1]) s += await x; return s;", 1, 4]
])("counts %s", async (_what, body, result, points) => {
  const run = program(body);
  let got: unknown;
  expect(await fault.count(async () => (got = await run()))).toBe(points);
  expect(got).toEqual(result);
});

it("stops at the n-th await, and nowhere else", async () => {
  const run = program("seen", "seen.push(0); await 0; seen.push(1); await 0; seen.push(2); await 0; seen.push(3);");
  for (let n = 1; n <= 3; n++) {
    const seen: number[] = [];
    const places: string[] = [];
    fault.stopAt(n, (place) => places.push(place));
    expect(await isPending(run(seen))).toBe(true);
    expect(seen).toEqual([0, 1, 2].slice(0, n));
    expect(places).toEqual(["src/file.ts: 0"]);
    const after: number[] = [];
    await run(after);
    expect(after).toEqual([0, 1, 2, 3]);
  }
});

it("stops in the middle of a for await, and what follows it", async () => {
  const run = program("seen", "for await (const x of [1, 2, 3]) seen.push(x); seen.push('end');");
  const seen: unknown[] = [];
  fault.stopAt(3, () => {});
  expect(await isPending(run(seen))).toBe(true);
  expect(seen).toEqual([1, 2]);
  expect(fault.stoppedAt).toBe("src/file.ts: [1, 2, 3]");
});

it("goes on when the point is never reached or was taken back", async () => {
  const run = program("await 1; return 'done';");
  fault.stopAt(2, () => {});
  expect(await run()).toBe("done");
  expect(fault.stoppedAt).toBeUndefined();
  fault.reset();
  expect(await run()).toBe("done");
});

it("kills from outside, once, where it stopped", async () => {
  const run = program("await 1; await 2; return 'done';");
  const killed: (string | undefined)[] = [];
  expect(await fault.killAt(2, run, () => killed.push(fault.stoppedAt))).toBe("src/file.ts: 2");
  expect(await fault.killAt(3, run, () => killed.push("too late"))).toBeUndefined();
  expect(killed).toEqual(["src/file.ts: 2"]);
  expect(await run()).toBe("done");
});

it("ends the iterator when a for await is left early", async () => {
  const run = program("source", "for await (const x of source()) { if (x === 2) break; }");
  let ended = false;
  await run(async function* () {
    try {
      yield* [1, 2, 3];
    } finally {
      ended = true;
    }
  });
  expect(ended).toBe(true);
});

it("passes errors on unchanged", async () => {
  const run = program("error", "await Promise.reject(error);");
  const error = new Error("as it was");
  await expect(run(error)).rejects.toBe(error);
});

it("behaves as the original when fault.ts is not loaded", async () => {
  const shared = globalThis as { __awaitPoints?: unknown };
  const points = shared.__awaitPoints;
  delete shared.__awaitPoints;
  try {
    const run = program("let s = await 1; for await (const x of [2, 3]) s += x; return s;");
    expect(await fault.count(async () => expect(await run()).toBe(6))).toBe(0);
  } finally {
    shared.__awaitPoints = points;
  }
});

it("leaves a file without awaits alone", () => {
  expect(rewriteAwaits("export const text = 'await nothing';", "src/file.ts")).toBeUndefined();
});

it("keeps lines where they are and maps columns back", () => {
  const code = "const a = 1;\nexport const b = await first(a); third();\n";
  const rewritten = rewriteAwaits(code, "src/file.ts")!;
  const lines = rewritten.code.split("\n");
  expect(lines[0]).toBe("const a = 1;");
  const map = new SourceMap(JSON.parse(rewritten.map.toString()));
  const column = lines[1]!.indexOf("third");
  expect(column).toBeGreaterThan(code.split("\n")[1]!.indexOf("third"));
  expect(map.findEntry(1, column)).toMatchObject({
    originalSource: "src/file.ts",
    originalLine: 1,
    originalColumn: code.split("\n")[1]!.indexOf("third")
  });
});
