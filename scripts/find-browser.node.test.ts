import { delimiter, join } from "node:path";
import { expect, it } from "vitest";
import { findBrowser, type Machine } from "./find-browser.ts";

function machine(executables: string[], rest: Partial<Machine> = {}): Machine {
  return { platform: "linux", env: {}, isExecutable: (path) => executables.includes(path), ...rest };
}

it("takes CHROME_PATH before anything else", () => {
  const env = { CHROME_PATH: "/my/chrome", PATH: "/usr/bin" };
  expect(findBrowser(machine(["/my/chrome", "/usr/bin/chromium"], { env }))).toBe("/my/chrome");
});

it("refuses a CHROME_PATH that is not a program rather than take another", () => {
  const env = { CHROME_PATH: "/wrong" };
  expect(() => findBrowser(machine(["/usr/bin/chromium"], { env }))).toThrow("CHROME_PATH is /wrong");
});

it("looks along PATH", () => {
  const env = { PATH: ["/a", "/b"].join(delimiter) };
  expect(findBrowser(machine([join("/b", "google-chrome")], { env }))).toBe(join("/b", "google-chrome"));
});

it.each<[Machine["platform"], string]>([
  ["linux", "/usr/bin/chromium"],
  ["linux", "/snap/bin/chromium"],
  ["darwin", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"],
  ["darwin", "/home/me/Applications/Chromium.app/Contents/MacOS/Chromium"],
  ["win32", "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"]
])("knows where installers of %s put it: %s", (platform, path) => {
  const env = { HOME: "/home/me", PROGRAMFILES: "C:\\Program Files" };
  expect(findBrowser(machine([path], { platform, env }))).toBe(path);
});

it("says in one line how to get one", () => {
  const message =
    /^No Chrome or Chromium found: .*apt-get install chromium.*brew install --cask chromium.*CHROME_PATH.*$/;
  expect(() => findBrowser(machine([]))).toThrow(message);
});
