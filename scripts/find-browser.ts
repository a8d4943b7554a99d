import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

/** What the search looks at. A test passes its own. */
export interface Machine {
  platform: NodeJS.Platform;
  env: Record<string, string | undefined>;
  isExecutable(path: string): boolean;
}

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge"];

const missing =
  "No Chrome or Chromium found: run `apt-get install chromium` (Debian, Ubuntu) or " +
  "`brew install --cask chromium` (macOS), or set CHROME_PATH to the executable.";

/**
 * Finds a Chrome or Chromium: `CHROME_PATH`, then the usual names on `PATH`, then where installers put it.
 * Throws one line that tells how to get one.
 */
export function findBrowser(machine: Machine = thisMachine()): string {
  const chosen = machine.env.CHROME_PATH;
  if (chosen) {
    if (machine.isExecutable(chosen)) return chosen;
    throw new Error(`CHROME_PATH is ${chosen}, which is not an executable file: set it to a Chrome or Chromium.`);
  }
  const found = candidates(machine).find((path) => machine.isExecutable(path));
  if (found) return found;
  throw new Error(missing);
}

function candidates({ platform, env }: Machine): string[] {
  const suffix = platform === "win32" ? ".exe" : "";
  const folders = (env.PATH ?? env.Path ?? "").split(delimiter).filter(Boolean);
  const onPath = names.flatMap((name) => folders.map((folder) => join(folder, name + suffix)));
  return [...onPath, ...installed(platform, env)];
}

function installed(platform: NodeJS.Platform, env: Machine["env"]): string[] {
  if (platform === "darwin") {
    const apps = ["Chromium", "Google Chrome", "Google Chrome for Testing", "Microsoft Edge"];
    const folders = ["/Applications", ...(env.HOME ? [join(env.HOME, "Applications")] : [])];
    return apps.flatMap((app) => folders.map((folder) => `${folder}/${app}.app/Contents/MacOS/${app}`));
  }
  if (platform === "win32") {
    const roots = [env.PROGRAMFILES, env["PROGRAMFILES(X86)"], env.LOCALAPPDATA].filter((root) => root !== undefined);
    const programs = ["Google\\Chrome", "Chromium", "Microsoft\\Edge"];
    return programs.flatMap((program) =>
      roots.flatMap((root) => ["chrome.exe", "msedge.exe"].map((file) => `${root}\\${program}\\Application\\${file}`))
    );
  }
  return [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome-stable",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium"
  ];
}

function thisMachine(): Machine {
  return { platform: process.platform, env: process.env, isExecutable };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(findBrowser());
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
