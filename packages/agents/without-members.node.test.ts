import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, it, onTestFinished } from "vitest";
import { removeMembers, withoutMembers } from "./without-members.ts";

const library = `
  class Base { stop() { return 1; } }
  var c = class a extends Base {
    timer = 1;
    static stop() { return 2; }
    get left() { return 3; }
    set left(value) { this.timer = value; }
    stop() { return this.timer; }
    next() { return "é"; }
  };
  export { c as Timer, Base as c };`;

/** What is left, without white space. */
const left = (...args: Parameters<typeof removeMembers>) => removeMembers(...args).replaceAll(/\s+/g, "");

it("leaves out what instances of a class have, and nothing of that name elsewhere", () => {
  const text = left(library, { members: { Timer: ["timer", "stop", "left"] } });
  expect(text).toBe(
    'classBase{stop(){return1;}}varc=classaextendsBase{staticstop(){return2;}next(){return"é";}};export{casTimer,Baseasc};'
  );
});

it("knows a class by its own name, too", () => {
  expect(left(library, { members: { Base: ["stop"] } })).toMatch(/^classBase\{\}varc=/);
  // What is exported as `c` is not the variable `c`.
  expect(left(library, { members: { c: ["stop"] } })).toMatch(/^classBase\{\}varc=/);
});

it.each([
  ["a class", { Watch: ["stop"] }, "There is no Watch.stop to leave out"],
  ["a member", { Timer: ["start"] }, "There is no Timer.start to leave out"],
  ["a member of instances", { Base: ["left"] }, "There is no Base.left to leave out"],
  ["one that is inherited only", { Timer: ["stop", "toString"] }, "There is no Timer.toString to leave out"]
])("fails where the library has not %s", (_, members: Record<string, string[]>, message) => {
  expect(() => removeMembers(library, { members })).toThrow(message);
});

it("fails where nobody can tell which class is meant", () => {
  const text = "{ class Timer { stop() {} } } { class Timer { stop() {} } }";
  expect(() => removeMembers(text, { members: { Timer: ["stop"] } })).toThrow("There is no Timer.stop to leave out");
});

it.each([
  ["x.stop()", "x.stop"],
  ["x.y?.stop", "x.y?.stop"],
  ['x["stop"]', 'x["stop"]'],
  ["x[`stop`]", "x[`stop`]"],
  ['"stop" in x', '"stop" in x'],
  ["const { next, stop: y } = x", "stop: y"],
  ["({ stop } = x)", "stop"]
])("fails where what stays says %s, unless that is expected", (code, mention) => {
  const text = `class Timer { stop() { this.stop(); } next() { ${code}; } } const other = { stop: 1, y: x[stop] };`;
  const members = { Timer: ["stop"] };
  expect(() => removeMembers(text, { members })).toThrow(`named by what stays: ${mention}. `);
  expect(left(text, { members, unreached: [mention] })).toMatch(/^classTimer\{next\(\)/);
  const unreached = [mention, "this.stop"];
  expect(() => removeMembers(text, { members, unreached })).toThrow("and not there: this.stop. ");
});

it("fails a build, if the file is not loaded as well", async () => {
  const folder = mkdtempSync(join(tmpdir(), "without-members-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "timer.js"), library);
  const members = (file: RegExp, name: string) =>
    build({
      entryPoints: [join(folder, "timer.js")],
      write: false,
      format: "esm",
      bundle: true,
      logLevel: "silent",
      plugins: [withoutMembers(file, { members: { Timer: [name] } })]
    });
  const { outputFiles } = await members(/timer\.js$/, "next");
  expect(outputFiles[0]!.text).not.toContain("next");
  await expect(members(/timer\.js$/, "start")).rejects.toThrow("There is no Timer.start");
  await expect(members(/watch\.js$/, "next")).rejects.toThrow("No file is loaded");
});
