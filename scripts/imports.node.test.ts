import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { describe, expect, it, onTestFinished } from "vitest";
import { agentsRules, chatRules, honoRules, importsOf, packagesOf, violations } from "./imports.ts";

const packages = fileURLToPath(new URL("../packages/", import.meta.url));

/** The classes of the platform that ours extend when they are loaded. */
const platformModules: Plugin = {
  name: "platform",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^cloudflare:/ }, ({ path }) => ({ path, namespace: "platform" }));
    const contents = "module.exports = { DurableObject: class {}, RpcTarget: class {}, WorkerEntrypoint: class {} };";
    onLoad({ filter: /.*/, namespace: "platform" }, () => ({ contents }));
  }
};

/** The source of a package: path below `src` → text. */
function sourceOf(name: string): Map<string, string> {
  const src = `${packages}${name}/src`;
  const paths = globSync("**/*.{ts,tsx}", { cwd: src }).map((path) => path.replaceAll("\\", "/"));
  return new Map(paths.sort().map((path) => [path, readFileSync(`${src}/${path}`, "utf8")]));
}

const rulesOf = { agents: agentsRules, "ai-chat": chatRules, "hono-agents": honoRules };
type Name = keyof typeof rulesOf;

describe("imports point one way", () => {
  it.each(Object.keys(rulesOf) as Name[])("in %s", (name) => {
    expect(violations(sourceOf(name), rulesOf[name])).toEqual([]);
  });
});

describe("a planted import is seen", () => {
  it.each<[name: Name, path: string, text: string, seen: string]>([
    ["agents", "protocol/frames.ts", 'import { Host } from "../core/host";', "../core/host"],
    ["agents", "protocol/frames.ts", 'import { z } from "zod";', "zod"],
    ["agents", "core/host.ts", 'import type { State } from "../state/state";', "../state/state"],
    ["agents", "core/sql.ts", 'import { Agent } from "../agent";', "../agent"],
    ["agents", "core/sql.ts", 'export * from "react";', "react"],
    ["agents", "schedule/cron.ts", 'import { Queue } from "../queue/queue.ts";', "../queue/queue.ts"],
    ["agents", "schedule/cron.ts", 'type Q = import("../queue/queue").Queue;', "../queue/queue"],
    ["agents", "schedule/cron.ts", 'import { withStorage } from "../test/kit";', "../test/kit"],
    ["agents", "client/client.ts", 'const { host } = await import("../core/host");', "../core/host"],
    ["agents", "client/client.ts", 'import "node:buffer";', "node:buffer"],
    ["agents", "react/deep/use-agent.tsx", 'export { a } from "../../state/state";', "../../state/state"],
    ["agents", "agent.ts", 'import { AgentClient } from "./client/index";', "./client/index"],
    ["agents", "approvals/approvals.ts", 'import { lazyCapability } from "../capability";', "../capability"],
    ["agents", "ai-chat/agent.ts", 'export * from "../agent";', "../agent"],
    ["agents", "index.ts", 'export * from "./ai-chat/agent";', "./ai-chat/agent"],
    ["ai-chat", "protocol/frames.ts", 'import { Agent } from "agents";', "agents"],
    ["ai-chat", "protocol/frames.ts", 'import { codes } from "agents/types";', "agents/types"],
    ["ai-chat", "turn/turn.ts", 'import { send } from "../client/agent-chat";', "../client/agent-chat"],
    ["ai-chat", "chat-agent.ts", 'import { useChat } from "@ai-sdk/react";', "@ai-sdk/react"],
    [
      "hono-agents",
      "agents-middleware.ts",
      'import { installCapability } from "agents/capability";',
      "agents/capability"
    ],
    ["ai-chat", "react/use-chat.tsx", 'import { Turn } from "../turn/turn";\n<p />;', "../turn/turn"]
  ])("in %s: %s with %s", (name, path, text, seen) => {
    expect(violations(new Map([[path, text]]), rulesOf[name])).toEqual([`${path} imports ${seen}`]);
  });

  it("and what is allowed is not", () => {
    const files = new Map([
      ["protocol/decode.ts", 'import type { Frame } from "./frames";'],
      ["core/host.ts", 'import { x } from "node:async_hooks"; import { f } from "../protocol/frames";'],
      ["core/deep/host.ts", 'import { x } from "../sql"; import { f } from "../../protocol/frames";'],
      ["schedule/schedule.ts", 'import { cron } from "./cron"; import { Sql } from "../core/sql";'],
      ["schedule/schedule.test.ts", 'import { Queue } from "../queue/queue"; import { it } from "vitest";'],
      [
        "agent.ts",
        'import { Schedule } from "./schedule/schedule"; import { DurableObject } from "cloudflare:workers";'
      ],
      ["react/use-agent.ts", 'import { AgentClient } from "../client/index"; import { useRef } from "react";']
    ]);
    expect(violations(files, agentsRules)).toEqual([]);
  });
});

it("tells types from values", () => {
  const text = 'import type { A } from "a"; import { b } from "b"; export type { C } from "c"; type D = import("d").D;';
  expect(importsOf("x.ts", text).map(({ specifier, typeOnly }) => [specifier, typeOnly])).toEqual([
    ["a", true],
    ["b", false],
    ["c", true],
    ["d", true]
  ]);
});

// As the package is installed, and as it is in our client.
const mcpSdk = /@modelcontextprotocol\/|mcp\/client\/sdk\.mjs$/;

// The build comes first in `npm test` and in `npm run check`. Without one there is nothing to read.
const built = globSync("*/dist/{{client,react}/index,ai-chat/react}.mjs", { cwd: packages });

describe("what a browser loads has no server code in it", () => {
  it.each(built)("%s", (entry) => {
    const needed = packagesOf(`${packages}${entry}`.replaceAll("\\", "/"), (path) => readFileSync(path, "utf8"));
    expect([...needed].filter((specifier) => /^(node|cloudflare):|^agents$/.test(specifier))).toEqual([]);
  });

  it("and a chunk which brings some in is seen", () => {
    const files: Record<string, string> = {
      "dist/client/index.mjs": 'import { a } from "../shared.mjs"; export { a };',
      "dist/shared.mjs":
        'import "./client/index.mjs"; import { DurableObject } from "cloudflare:workers"; export const a = 1;'
    };
    expect([...packagesOf("dist/client/index.mjs", (path) => files[path]!)]).toEqual(["cloudflare:workers"]);
  });

  it.each(globSync("*/dist/{.,client,react,vite,observability,schedule,testing,ai-chat}/*.mjs", { cwd: packages }))(
    "%s finds what it imports",
    async (entry) => {
      const { errors } = await build({
        entryPoints: [packages + entry],
        bundle: true,
        write: false,
        format: "esm",
        packages: "external",
        logLevel: "silent"
      });
      expect(errors).toEqual([]);
    }
  );

  /** What a Worker loads when it starts: not what is imported later, if at all. */
  async function loaded(contents: string): Promise<{ text: string; inputs: string[] }> {
    const { metafile, outputFiles } = await build({
      stdin: { contents, resolveDir: packages },
      bundle: true,
      splitting: true,
      write: false,
      metafile: true,
      outdir: "out",
      format: "esm",
      external: ["node:*", "cloudflare:*"],
      logLevel: "silent"
    });
    const names = Object.keys(metafile.outputs);
    const wanted = new Set(names.filter((name) => metafile.outputs[name]!.entryPoint === "<stdin>"));
    for (const name of wanted) {
      for (const { path, kind, external } of metafile.outputs[name]!.imports) {
        if (kind === "import-statement" && !external) wanted.add(path);
      }
    }
    const used = names.filter((name) => wanted.has(name));
    const inputs = used.flatMap((name) => {
      const entries = Object.entries(metafile.outputs[name]!.inputs);
      return entries.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
    });
    const text = used.map((name) => outputFiles.find(({ path }) => path.endsWith(`/${name}`))?.text ?? "").join("\n");
    return { text, inputs };
  }

  it.each([
    ["an agent that schedules nothing by a model", "Agent, callable, getAgentByName, routeAgentRequest", false],
    ["one that does", "Agent, scheduleSchema", true]
  ])("zod is only in the Worker that uses it: %s", async (_, names, expected) => {
    const { inputs } = await loaded(`export { ${names} } from "./agents/dist/index.mjs";`);
    expect(inputs.some((path) => /node_modules\/zod\//.test(path))).toBe(expected);
  });

  it("MCP is only loaded by the Worker that imports it", async () => {
    const entries = ["index", "capability", "approvals", "email", "schedule/index", "mcp-client", "mcp"];
    const needed = await Promise.all(
      entries.map(async (entry) => {
        const { inputs } = await loaded(`export * from "./agents/dist/${entry}.mjs";`);
        return inputs.some((path) => mcpSdk.test(path)) ? [entry] : [];
      })
    );
    expect(needed.flat()).toEqual(["mcp"]);
  });

  /** The built files that import something of which this is the end. */
  const importing = (what: RegExp) =>
    globSync("*/dist/**/*.mjs", { cwd: packages })
      .map((path) => path.replaceAll("\\", "/"))
      .filter((path) =>
        [...readFileSync(packages + path, "utf8").matchAll(/(?:from|import) ?\(?"([^"]+)"/g)].some(([, name]) =>
          what.test(name!)
        )
      );

  // proves testing-your-agents#not-shipped
  it("the test kit is only where it is imported", () => {
    const needing = importing(/^(vitest|cloudflare:test)$|\/testing\//);
    expect(needing).toContain("agents/dist/testing/clock.mjs");
    expect(needing.filter((path) => !path.startsWith("agents/dist/testing/"))).toEqual([]);
  });

  it("OpenTelemetry is only where it is imported", () => {
    expect(importing(/^@opentelemetry\/|\/otel\.mjs$/)).toEqual(["agents/dist/observability/otel.mjs"]);
  });

  it.each([
    [
      "an agent that asks for no approval",
      "export { Agent, callable, getAgentByName } from './agents/dist/index.mjs';",
      false
    ],
    ["one that does", "export { approvalsOf } from './agents/dist/approvals.mjs';", true]
  ])("approvals are only in the Worker that uses them: %s", async (_, contents, expected) => {
    const { text } = await loaded(contents);
    expect(/cf_agents_approval|approval_id|sha256/.test(text)).toBe(expected);
  });

  it.each([
    [
      "an agent that is no server",
      "export { Agent, getAgentByName, routeAgentRequest } from './agents/dist/index.mjs';",
      false
    ],
    ["one that is", "export { McpAgent } from './agents/dist/mcp.mjs';", true]
  ])("MCP is only loaded by the Worker that uses it: %s", async (_, contents, expected) => {
    const { text, inputs } = await loaded(contents);
    expect(text).toContain("cf_agents_state");
    expect(/cf_agents_mcp_sessions|jsonrpc/.test(text)).toBe(expected);
    expect(inputs.some((path) => mcpSdk.test(path))).toBe(expected);
  });

  it("what is imported later brings no package, which a program may import too", () => {
    const later = new Set<string>();
    for (const path of globSync("*/dist/**/*.mjs", { cwd: packages, exclude: ["agents/dist/vite/**"] })) {
      for (const { specifier, isDynamic } of importsOf(path, readFileSync(packages + path, "utf8"))) {
        if (!isDynamic) continue;
        const needed = specifier.startsWith(".")
          ? packagesOf(posix.join(packages, path, "..", specifier), (file) => readFileSync(file, "utf8"))
          : [specifier];
        for (const name of needed) if (!/^(node|cloudflare):/.test(name)) later.add(name);
      }
    }
    expect([...later]).toEqual([]);
  });

  // As wrangler makes it: what is imported later is in the same file, and runs later.
  it.each(["zod", "zod/v4", "zod/v4/mini", "zod/v4-mini", "zod/mini"])(
    "a program of one file has its %s",
    async (name) => {
      const contents = `
      import { Agent } from "./agents/dist/index.mjs";
      import { object, literal } from "${name}";
      import * as z from "${name}";
      const schema = z.object({ own: object({ kind: literal("x") }) });
      export class Mine extends Agent {
        static isValid = (value) => schema.safeParse(value).success;
      }`;
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: packages },
        bundle: true,
        write: false,
        format: "esm",
        keepNames: true,
        conditions: ["workerd", "worker", "browser"],
        external: ["node:*"],
        plugins: [platformModules],
        logLevel: "silent"
      });
      const text = outputFiles[0]!.text;
      expect(text).toContain("notifications/initialized");
      const folder = mkdtempSync(join(tmpdir(), "one-file-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, "worker.mjs"), text);
      const { Mine } = (await import(pathToFileURL(join(folder, "worker.mjs")).href)) as {
        Mine: { isValid(value: unknown): boolean };
      };
      expect([Mine.isValid({ own: { kind: "x" } }), Mine.isValid({ own: { kind: "y" } })]).toEqual([true, false]);
    }
  );

  it.each([
    ["an agent", "export { Agent } from './agents/dist/index.mjs';"],
    ["a Worker that routes mail", "export { Agent, routeAgentEmail } from './agents/dist/index.mjs';"],
    ["resolvers", "export * from './agents/dist/email.mjs';"]
  ])("what writes mail is loaded when one is written: %s", async (_, contents) => {
    const { inputs } = await loaded(contents);
    expect(inputs.filter((path) => /\/email\/mime\.mjs$|\/agent-mail\.mjs$/.test(path))).toEqual([]);
  });

  // The engine reads all of the one file, and loads each module of the runtime that it imports anywhere, before the first request.
  it("a Worker of one file imports few modules of the runtime, and no more than 430 kB in all", async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: "export { Agent, routeAgentEmail, routeAgentRequest } from './agents/dist/index.mjs';",
        resolveDir: packages
      },
      bundle: true,
      write: false,
      format: "esm",
      conditions: ["workerd", "worker", "browser"],
      external: ["node:*", "cloudflare:*"]
    });
    const { text } = outputFiles[0]!;
    expect(text).toContain("notifications/initialized");
    // An agent brings no schema library along (sdk-zod.ts).
    expect(text).not.toContain("$ZodType");
    const modules = importsOf("worker.mjs", text).filter(({ isDynamic }) => !isDynamic);
    const names = new Set(modules.map(({ specifier }) => specifier));
    expect([...names].sort()).toEqual(["cloudflare:workers", "node:async_hooks", "node:diagnostics_channel"]);
    expect(text.length).toBeLessThan(430_000);
  });

  it("is looked at in every build", () => {
    expect(built).toContain("agents/dist/client/index.mjs");
    expect(built).toContain("agents/dist/react/index.mjs");
  });
});
