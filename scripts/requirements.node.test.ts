import { describe, expect, it } from "vitest";
import { citationsOf, problemsOf, type Result } from "./requirements.ts";

const known = new Set(["page#one"]);
const cite = '// proves page#one\nit("works", () => {});';

/** What is wrong with one test file, `a.test.ts`, of which the last run left these results. */
function problems(text: string, results?: Result[], strict = false, path = "a.test.ts"): string[] {
  return problemsOf(known, citationsOf(path, text), () => results, strict);
}

const passed = (...titles: string[]): Result => ({ titles, passed: true });
const failed = (...titles: string[]): Result => ({ titles, passed: false });

describe("a promise", () => {
  it("that a test cites is accepted", () => {
    expect(problems(cite)).toEqual([]);
  });

  it("that no test cites is seen", () => {
    expect(problems('it("works", () => {});')).toEqual(["page#one is cited by no test"]);
  });

  it("may be cited beside others, on several lines, and above a suite", () => {
    const ids = new Set(["a#1", "a#2", "a#3"]);
    const text = '// proves a#1, a#2\n// proves a#3\ndescribe("all", () => { it("works", () => {}); });';
    expect(problemsOf(ids, citationsOf("a.test.ts", text), () => undefined, false)).toEqual([]);
  });
});

describe("a citation is seen", () => {
  const unproved = "page#one is not proved: none of the tests that cite it has passed";

  it("of something that nobody promised", () => {
    expect(problems(`${cite}\n// proves page#two\nit("x", () => {});`)).toEqual([
      "a.test.ts:3 cites page#two, which is not in e2e/requirements"
    ]);
  });

  it("that stands above no test", () => {
    expect(problems("// proves page#one\nconst a = 1;")).toEqual([
      "a.test.ts:1 has no test in the line below",
      unproved
    ]);
  });

  it.each([
    ["it.skip", 'it.skip("works", () => {});', "with skip"],
    ["it.todo", 'it.todo("works", () => {});', "with todo"],
    ["test.skipIf", 'test.skipIf(old)("works", () => {});', "with skipIf"],
    ["it.runIf and each", 'it.runIf(x).each([1])("works", () => {});', "with runIf"],
    ["an option", 'test("works", { skip: true }, () => {});', "with skip"]
  ])("above a test that may be left out by %s", (_, test, why) => {
    expect(problems(`// proves page#one\n${test}`)).toEqual([`a.test.ts:1 cites for a test ${why}`, unproved]);
  });

  it.each([
    ["describe.skip", 'describe.skip("all", () => {\n', "\n});", "with skip"],
    ["if", "if (linux) {\n", "\n}", "that only runs on a condition"]
  ])("inside %s", (_, before, after, why) => {
    expect(problems(before + cite + after)).toEqual([`a.test.ts:2 cites for a test ${why}`, unproved]);
  });

  it("above a test that failed, or was not run", () => {
    expect(problems(cite, [failed("works")])).toEqual([unproved]);
    expect(problems(cite, [passed("works otherwise")])).toEqual([unproved]);
    expect(problems(cite, [passed("works")])).toEqual([]);
  });

  it("without results only where they are required", () => {
    expect(problems(cite, undefined, false)).toEqual([]);
    expect(problems(cite, undefined, true)).toEqual([unproved]);
  });
});

describe("results belong to a test", () => {
  it("by the titles of its suites", () => {
    const text = `describe("outer", () => {\n${cite}\n});\ndescribe("other", () => { it("works", () => {}); });`;
    expect(problems(text, [passed("outer", "works"), failed("other", "works")])).toEqual([]);
    expect(problems(text, [failed("outer", "works"), passed("other", "works")])).toHaveLength(1);
  });

  it.each([
    ["it.each(rows)", '"adds %i (100 %%)"'],
    ["it.each(rows)", '"adds $count.x (100 $y)"'],
    ["test", "`adds ${count} (100 ${percent})`"],
    ["test", "`adds ${count}`"]
  ])("whose title is filled in: %s(%s)", (call, title) => {
    const text = `// proves page#one\n${call}(${title}, () => {});`;
    expect(problems(text, [passed("adds 1 (100 %)"), passed("adds 2 (100 %)"), failed("takes 1")])).toEqual([]);
    expect(problems(text, [passed("adds 1 (100 %)"), failed("adds 2 (100 %)")])).toHaveLength(1);
  });

  it("and a suite that is cited has passed when all its tests have", () => {
    const text = '// proves page#one\ndescribe("all", () => {});';
    expect(problems(text, [passed("all", "a"), passed("all", "b")])).toEqual([]);
    expect(problems(text, [passed("all", "a"), failed("all", "b")])).toHaveLength(1);
    expect(problems(text, [passed("another", "a")])).toHaveLength(1);
  });

  it("and tests of types are what `npm run types` passes", () => {
    expect(problems("// proves page#one\nagent.state.count;", undefined, true, "a.test-d.ts")).toEqual([]);
  });
});
