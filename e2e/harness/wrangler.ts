import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";

export const wranglerBin = fileURLToPath(new URL("../../node_modules/wrangler/bin/wrangler.js", import.meta.url));
export const env = {
  ...process.env,
  NO_COLOR: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false"
};

/** A running `wrangler dev`. */
export interface Dev {
  readonly host: string;
  stop(): Promise<void>;
}

/** Runs `wrangler dev` in a folder, and resolves when it answers. In its arguments, `$PORT` is the port that it gets. */
export async function startDev(folder: string, ...args: string[]): Promise<Dev> {
  const port = await freePort();
  const command = [wranglerBin, "dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"];
  command.push(...args.map((arg) => arg.replaceAll("$PORT", String(port))));
  // A group of its own: the runtime is a child of the server, and has to end with it.
  const child = spawn(process.execPath, command, { cwd: folder, env, detached: true, stdio: "pipe" });
  const stop = async () => {
    if (!child.pid || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await exited;
  };
  let output = "";
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text: Buffer) => {
        output += text.toString();
        if (output.includes("Ready on")) resolve();
      });
    }
  });
  const ended = once(child, "exit").then(() => {
    throw new Error(`wrangler dev ended:\n${output}`);
  });
  ended.catch(() => undefined);
  await Promise.race([ready, ended]);
  return { host: `127.0.0.1:${port}`, stop };
}
