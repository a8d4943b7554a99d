import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { startDev, type Dev } from "../harness/wrangler.ts";

const run = promisify(execFile);
const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));
const folder = fileURLToPath(new URL("../conformance/", import.meta.url));
const conformance = join(modules, "@modelcontextprotocol/conformance/dist/index.js");
const expectedFailures = join(folder, "expected-failures.yml");

/** Where the Worker serves the server with everything, with sessions. */
const servers = ["agent", "handler"] as const;
const text = "This is a simple text response for testing.";

let data: string;
let dev: Dev;

before(async () => {
  data = await mkdtemp(join(tmpdir(), "agents-mcp-"));
  dev = await startDev(folder, "--persist-to", data);
});

after(async () => {
  await dev?.stop();
  await rm(data, { recursive: true, force: true });
});

const address = (path: string) => `http://${dev.host}/${path}`;

/** Runs a program of Node; what it wrote, and whether it ended well. */
async function node(...args: string[]): Promise<{ output: string; passed: boolean }> {
  const env = { ...process.env, NO_COLOR: "1", MCP_REMOTE_CONFIG_DIR: join(data, "mcp-remote") };
  try {
    const { stdout, stderr } = await run(process.execPath, args, { cwd: data, env, maxBuffer: 64 * 1024 * 1024 });
    return { output: stdout + stderr, passed: true };
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return { output: stdout + stderr, passed: false };
  }
}

test("few scenarios of the conformance suite are expected to fail, each for a reason", async () => {
  const lines = (await readFile(expectedFailures, "utf8")).split("\n");
  const failures = lines.filter((line) => /^\s*- /.test(line));
  assert.ok(failures.length <= 3, failures.join("\n"));
  assert.deepEqual(
    failures.filter((line) => !/#.*\w/.test(line)),
    [],
    "without a reason"
  );
});

for (const path of servers) {
  // proves create-mcp-handler#stateful-routing
  test(`passes the conformance suite: /${path}`, async () => {
    const options = ["--suite", "all", "--expected-failures", expectedFailures];
    const { output, passed } = await node(conformance, "server", "--url", address(path), ...options);
    assert.ok(passed, output);
    assert.match(output, /✓ dns-rebinding-protection: 2 passed/);
    assert.match(output, /✓ server-sse-polling: 3 passed/);
  });
}

// A stateless server cannot ask its client: the answer would meet another server.
const asking = [
  "tools-call-sampling",
  "tools-call-elicitation",
  "elicitation-sep1034-defaults",
  "elicitation-sep1330-enums"
];

test("passes the conformance suite without sessions, but for what asks the client", async () => {
  const { output } = await node(conformance, "server", "--url", address("stateless"), "--suite", "all");
  const failed = [...output.matchAll(/^✗ ([\w-]+)/gm)].map(([, name]) => name!);
  assert.deepEqual(failed.sort(), asking.sort(), output);
  assert.match(output, /^✓ dns-rebinding-protection: 2 passed/m);
  // 32 scenarios, and each that is new has to pass, too.
  assert.ok([...output.matchAll(/^✓ /gm)].length >= 28, output);
});

for (const path of [...servers, "stateless"]) {
  // proves guide-test-remote-mcp-server#inspector, guide-remote-mcp-server#inspector, guide-remote-mcp-server#stateless
  test(`the inspector lists and calls tools: /${path}`, async () => {
    const inspector = [join(modules, "@modelcontextprotocol/inspector/clients/launcher/build/index.js"), "--cli"];
    const ask = async (...args: string[]): Promise<unknown> => {
      const { output } = await node(...inspector, address(path), "--transport", "http", ...args);
      try {
        return JSON.parse(output);
      } catch {
        throw new Error(output);
      }
    };
    const { tools } = (await ask("--method", "tools/list")) as { tools: { name: string }[] };
    assert.ok(tools.some(({ name }) => name === "test_simple_text"));
    assert.deepEqual(await ask("--method", "tools/call", "--tool-name", "test_simple_text"), {
      content: [{ type: "text", text }]
    });
  });

  // proves guide-test-remote-mcp-server#mcp-remote, guide-remote-mcp-server#mcp-remote, mcp-governance#remote
  test(`mcp-remote connects: /${path}`, async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [join(modules, "mcp-remote/dist/proxy.js"), address(path), "--allow-http", "--transport", "http-only"],
      env: { MCP_REMOTE_CONFIG_DIR: join(data, "mcp-remote") },
      stderr: "ignore"
    });
    const client = new Client({ name: "test", version: "1.0.0" });
    try {
      await client.connect(transport);
      assert.equal(client.getServerVersion()?.name, "everything");
      const heard: number[] = [];
      const onprogress = ({ progress }: { progress: number }) => void heard.push(progress);
      await client.callTool({ name: "test_tool_with_progress" }, undefined, { onprogress });
      assert.deepEqual(heard, [0, 50, 100]);
    } finally {
      await client.close();
    }
  });
}
