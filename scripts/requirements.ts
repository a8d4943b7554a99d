// `node scripts/requirements.ts`: every promise in `e2e/requirements` is cited by a test, and every citation means one. When
// a test run has left results, a promise also needs a citing test that passed. With --strict, results are required.
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseAst } from "vite";
import { later, pages } from "../e2e/requirements.ts";

/** The test, or the suite, below a comment `// proves page#id`. */
export interface Citation {
  path: string;
  line: number;
  ids: string[];
  /** One pattern for each title, from the outermost suite inwards. None: a test of types. */
  titles: RegExp[];
  /** Why this cannot prove anything. */
  problem?: string;
}

/** What is known of one test after a run. */
export interface Result {
  titles: string[];
  passed: boolean;
}

const testFiles = "{e2e,packages,scripts,templates}/**/*.{test,test-d}.{ts,tsx}";
const resultFiles = ["test-results/unit.json", "test-results/e2e.json"];
const proves = /^\s*\/\/ proves (.*)$/;

/** Every citation in the text of a test file. */
export function citationsOf(path: string, text: string): Citation[] {
  const lines = text.split("\n");
  if (!lines.some((line) => proves.test(line))) return [];
  const isTypes = /\.test-d\.tsx?$/.test(path);
  const tests = isTypes ? undefined : testsOf(path, text);
  const found: Citation[] = [];
  for (let index = 0; index < lines.length; index++) {
    const start = index;
    const ids: string[] = [];
    for (let match; (match = lines[index]?.match(proves)); index++) ids.push(...match[1]!.split(/,\s*/));
    if (ids.length === 0) continue;
    const test = tests?.get(index + 1);
    const problem = tests && !test ? "has no test in the line below" : test?.problem;
    found.push({ path, line: start + 1, ids, titles: test?.titles ?? [], ...(problem && { problem }) });
  }
  return found;
}

/**
 * What is wrong, one line each. `resultsOf` gives the results of a file as it is now: without them, when the file was not run
 * or has changed since, its citations are taken at their word, or as failed if `strict`.
 */
export function problemsOf(
  known: ReadonlySet<string>,
  citations: Citation[],
  resultsOf: (path: string) => Result[] | undefined,
  strict: boolean
): string[] {
  const problems: string[] = [];
  const cited = new Set<string>();
  const proved = new Set<string>();
  for (const citation of citations) {
    const { path, line, ids, problem } = citation;
    const at = `${path}:${line}`;
    if (problem) problems.push(`${at} ${problem}`);
    for (const id of ids) {
      if (known.has(id)) cited.add(id);
      else problems.push(`${at} cites ${id}, which is not in e2e/requirements`);
      if (!problem && hasPassed(citation, resultsOf, strict)) proved.add(id);
    }
  }
  for (const id of known) {
    if (!cited.has(id)) problems.push(`${id} is cited by no test`);
    else if (!proved.has(id)) problems.push(`${id} is not proved: none of the tests that cite it has passed`);
  }
  return problems;
}

function hasPassed({ path, titles }: Citation, resultsOf: (path: string) => Result[] | undefined, strict: boolean) {
  // `npm run types` is what tests of types pass.
  if (titles.length === 0) return true;
  const results = resultsOf(path);
  if (!results) return !strict;
  const meant = results.filter((result) => titles.every((title, depth) => title.test(result.titles[depth] ?? "\0")));
  return meant.length > 0 && meant.every(({ passed }) => passed);
}

type Node = Record<string, unknown> & { type: string; start: number };
type Test = Pick<Citation, "titles" | "problem">;

/** The tests and suites of a file, by the line where each begins. */
function testsOf(path: string, text: string): Map<number, Test> {
  const tests = new Map<number, Test>();
  const visit = (value: unknown, outer: Test): void => {
    if (Array.isArray(value)) return value.forEach((item) => visit(item, outer));
    if (typeof value !== "object" || value === null) return;
    const node = value as Node;
    const modifiers = node.type === "CallExpression" ? modifiersOf(node.callee as Node) : undefined;
    const args = node.arguments as Node[];
    let inner = outer;
    if (modifiers && args.length > 1) {
      const problem = outer.problem ?? problemOf(modifiers, args);
      inner = { titles: [...outer.titles, patternOf(args[0]!, modifiers)], ...(problem && { problem }) };
      tests.set(text.slice(0, node.start).split("\n").length, inner);
    } else if (/^(If|Switch|Conditional|Logical)/.test(node.type)) {
      inner = { titles: outer.titles, problem: "cites for a test that only runs on a condition" };
    }
    for (const child of Object.values(node)) visit(child, inner);
  };
  visit(parseAst(text, { lang: path.endsWith("x") ? "tsx" : "ts" }), { titles: [] });
  return tests;
}

/** `it.skip.each(table)` → `["skip", "each"]`; undefined for what is no test. */
function modifiersOf(callee: Node): string[] | undefined {
  if (callee.type === "Identifier") return /^(it|test|describe|suite)$/.test(callee.name as string) ? [] : undefined;
  if (callee.type === "CallExpression") return modifiersOf(callee.callee as Node);
  if (callee.type === "TaggedTemplateExpression") return modifiersOf(callee.tag as Node);
  if (callee.type !== "MemberExpression") return undefined;
  const modifiers = modifiersOf(callee.object as Node);
  return modifiers && [...modifiers, (callee.property as Node).name as string];
}

const isLeftOut = (name: unknown): boolean => /^(skip|todo|skipIf|runIf|fails|expectFailure)$/.test(String(name));

function problemOf(modifiers: string[], args: Node[]): string | undefined {
  const options = args.filter(({ type }) => type === "ObjectExpression").flatMap((node) => node.properties as Node[]);
  const keys = options.map((property) => (property.key as Node | undefined)?.name);
  const leftOut = [...modifiers, ...keys].find(isLeftOut);
  return leftOut === undefined ? undefined : `cites for a test with ${leftOut}`;
}

/** What the title looks like in the results: where a value is filled in, anything. */
function patternOf(title: Node, modifiers: string[]): RegExp {
  const placeholder = modifiers.some((name) => name === "each" || name === "for") ? /%[a-zA-Z#$%]|\$[\w.]+/ : /$^/;
  // An empty text, as after a value at the end, is one part; `split` would leave none.
  const texts = textsOf(title).flatMap((text) => (text === "" ? [""] : text.split(placeholder)));
  return new RegExp(`^${texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("[^]*")}$`);
}

/** The parts of a title that are written out. */
function textsOf(title: Node): string[] {
  if (title.type === "Literal") return [String(title.value)];
  if (title.type === "TemplateLiteral")
    return (title.quasis as { value: { cooked: string } }[]).map((q) => q.value.cooked);
  return ["", ""];
}

/** What the last runs have left: a path from here → its results. Left out are files that have changed since. */
function readResults(): Map<string, Result[]> {
  const results = new Map<string, Result[]>();
  for (const file of resultFiles.filter((name) => existsSync(name))) {
    const { startTime, testResults } = JSON.parse(readFileSync(file, "utf8")) as {
      startTime: number;
      testResults: { name: string; assertionResults: { ancestorTitles: string[]; title: string; status: string }[] }[];
    };
    for (const { name, assertionResults } of testResults) {
      const path = relative(".", name).replaceAll("\\", "/");
      if (!existsSync(path) || statSync(path).mtimeMs > startTime) continue;
      const tests = assertionResults.map(({ ancestorTitles, title, status }) => ({
        titles: [...ancestorTitles, title],
        passed: status === "passed"
      }));
      results.set(path, [...(results.get(path) ?? []), ...tests]);
    }
  }
  return results;
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const known = new Set(Object.entries(pages).flatMap(([page, ids]) => Object.keys(ids).map((id) => `${page}#${id}`)));
  const paths = globSync(testFiles, { exclude: ["**/node_modules/**", "**/dist/**"] });
  const citations = paths.sort().flatMap((path) => citationsOf(path.replaceAll("\\", "/"), readFileSync(path, "utf8")));
  const results = readResults();
  const problems = problemsOf(known, citations, (path) => results.get(path), process.argv.includes("--strict"));
  const postponed = Object.values(later).flatMap((ids) => Object.keys(ids)).length;
  console.log(`${known.size} promises, ${citations.length} citations; ${postponed} promises are for later`);
  if (problems.length > 0) {
    console.error(problems.join("\n"));
    process.exitCode = 1;
  }
}
