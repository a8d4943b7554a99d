// The schemas of the MCP SDK, made with what stands in for zod in the module that agents load, against those made with zod itself.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import type { Notification, Request, Result } from "@modelcontextprotocol/sdk/types.js";
import { build, type Plugin } from "esbuild";
import { expect, it, vi } from "vitest";
import * as zod3 from "zod/v3";
import * as zod4 from "zod/v4";
import * as core from "zod/v4/core";
import * as mini from "zod/mini";
import { string, type Issue } from "./sdk-zod";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../test/random";

interface Schema {
  _zod: { def: Definition };
  safeParse(value: unknown): { success: boolean; data?: unknown; error?: { issues: Issue[] } };
}

/** What a schema is made of. Each has what belongs to its type. */
interface Definition {
  type: string;
  format?: string;
  checks?: { _zod: { def: { format?: string } } }[];
  shape: Record<string, Schema>;
  element: Schema;
  options: Schema[];
  values: unknown[];
  entries: Record<string, unknown>;
  innerType: Schema;
  in: Schema;
  out: Schema;
  left: Schema;
  right: Schema;
  valueType: Schema;
}

/** What agents take of the SDK, and all of its schemas. */
async function load(plugins: Plugin[] = []): Promise<typeof import("./sdk") & Record<string, Schema>> {
  const modules = ["./sdk", "@modelcontextprotocol/sdk/types.js", "@modelcontextprotocol/sdk/shared/auth.js"];
  const { outputFiles } = await build({
    stdin: { contents: modules.map((name) => `export * from "${name}";`).join(""), resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    plugins
  });
  const folder = mkdtempSync(join(tmpdir(), "sdk-schemas-"));
  try {
    writeFileSync(join(folder, "schemas.mjs"), outputFiles[0]!.text);
    return await import(pathToFileURL(join(folder, "schemas.mjs")).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As agents have it (bundle-libraries.ts). */
const instead: Plugin = {
  name: "instead",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^zod\/v4(-mini)?$/ }, () => ({ path: join(import.meta.dirname, "sdk-zod.ts") }))
};

const schemasOf = (exports: object): [name: string, Schema][] =>
  Object.entries(exports).filter(([name]) => name.endsWith("Schema"));

const junk = [
  undefined,
  null,
  true,
  -1,
  0.5,
  101,
  1e16,
  "",
  "7",
  "file:///a",
  "javascript:x",
  [],
  {},
  { type: "x" },
  new Date(0),
  new Map([["a", 1]])
];
const texts = [
  "x",
  "https://a.example/b",
  " https://a.example/\tb\n",
  "file:///a",
  "2026-11-22T10:00:00+01:00",
  "2026-11-22",
  "2024-02-29T23:59:59.5Z",
  "2026-02-29T10:00:00Z",
  "2026-11-22T24:00:00Z",
  "aGVsbG8=",
  "data:,x"
];

const keys = [...texts, "__proto__", "toString"];

/** A value that a schema may well accept. Some part of it is often what no schema expects. */
function valueFor({ _zod: { def } }: Schema, random: Random): unknown {
  if (random.chance(0.02)) return random.pick(junk);
  switch (def.type) {
    case "array":
      return Array.from({ length: random.chance(0.02) ? 101 : random.below(3) }, () => valueFor(def.element, random));
    case "boolean":
      return random.chance(0.5);
    case "catch":
    case "default":
      return random.chance(0.3) ? undefined : valueFor(def.innerType, random);
    case "enum":
      return random.pick(Object.values(def.entries));
    case "intersection":
      return { ...(valueFor(def.left, random) as object), ...(valueFor(def.right, random) as object) };
    case "literal":
      return random.pick(def.values);
    case "number":
      return random.pick([0, 1, 0.5, 7, -3, 2 ** 53, -(2 ** 53), "5"]);
    case "object": {
      const fields = Object.entries(def.shape).map(([key, schema]) => [key, valueFor(schema, random)] as const);
      const unexpected = random.chance(0.1) ? [[random.pick(keys), random.pick(junk)] as const] : [];
      return Object.fromEntries([...fields.filter(([, value]) => value !== undefined), ...unexpected]);
    }
    case "optional":
      return random.chance(0.5) ? undefined : valueFor(def.innerType, random);
    case "pipe":
      return valueFor(def.in._zod.def.type === "transform" ? def.out : def.in, random);
    case "record":
      return Object.fromEntries([[random.pick(keys), valueFor(def.valueType, random)]]);
    case "string": {
      const isUrl = [def.format, ...(def.checks ?? []).map(({ _zod }) => _zod.def.format)].includes("url");
      return isUrl && random.chance(0.9) ? "https://a.example/b" : random.pick(texts);
    }
    case "union":
      return valueFor(random.pick(def.options), random);
    default:
      return random.pick(junk);
  }
}

/** What it says. zod has parts of that beside it, too. */
const essential = ({ code, path, message, errors, keys }: Issue): Issue => ({
  code,
  path,
  message,
  ...(errors && { errors: errors.map((issues) => issues.map(essential)) }),
  ...(keys && { keys })
});

it(
  `reads what the schemas of the SDK do with zod (${fuzzSeeds} seeds)`,
  { timeout: fuzzTimeoutMs(30_000) },
  async () => {
    const ours = await load([instead]);
    const zods = schemasOf(await load());
    expect(zods.length).toBeGreaterThan(150);
    const seen = { accepted: new Set<string>(), refused: new Set<string>() };
    await eachSeed((random) => {
      for (const [name, schema] of Array.from({ length: 60 }, () => random.pick(zods))) {
        const value = valueFor(schema, random);
        const expected = schema.safeParse(value);
        const { success, data, error } = ours[name]!.safeParse(value);
        seen[success ? "accepted" : "refused"].add(name);
        expect({ name, value, success, data, issues: error?.issues }).toStrictEqual({
          name,
          value,
          success: expected.success,
          data: expected.data,
          issues: expected.error?.issues.map(essential)
        });
      }
    });
    // Both answers were compared for each, if there were many.
    const never = (set: Set<string>) =>
      fuzzSeeds < 300 ? [] : zods.map(([name]) => name).filter((name) => !set.has(name));
    expect({ accepted: never(seen.accepted), refused: never(seen.refused) }).toEqual({ accepted: [], refused: [] });
  }
);

it("takes the schemas of programs, whichever zod they have", async () => {
  const { getMethodLiteral, Protocol } = await load([instead]);
  class Peer extends Protocol<Request, Notification, Result> {
    protected assertCapabilityForMethod(): void {}
    protected assertNotificationCapability(): void {}
    protected assertRequestHandlerCapability(): void {}
    protected assertTaskCapability(): void {}
    protected assertTaskHandlerCapability(): void {}
  }
  const [asking, answering] = [new Peer(), new Peer()];
  const [one, other] = InMemoryTransport.createLinkedPair();
  await Promise.all([asking.connect(one), answering.connect(other)]);

  for (const zod of [zod4, mini, zod3] as unknown as (typeof zod4)[]) {
    const asked = zod.object({ method: zod.literal("double"), params: zod.object({ value: zod.number() }) });
    expect(getMethodLiteral(asked)).toBe("double");
    answering.setRequestHandler(asked, ({ params }) => ({ doubled: params.value * 2, more: true }));

    const ask = (value: unknown) => ({ method: "double", params: { value } });
    const result = zod.object({ doubled: zod.number() });
    expect(await asking.request(ask(21), result)).toEqual({ doubled: 42 });
    await expect(asking.request(ask("?"), result)).rejects.toThrow(/expected number, received string/i);
    await expect(asking.request(ask(1), zod.object({ tripled: zod.number() }))).rejects.toThrow(/tripled/);
  }
  const ask = { method: "double", params: { value: 4 } };
  const bare = (key: string) => new core.$ZodObject({ type: "object", shape: { [key]: zod4.number() } });
  expect(await asking.request(ask, bare("doubled"))).toEqual({ doubled: 8 });
  await expect(asking.request(ask, bare("tripled"))).rejects.toThrow(/tripled/);
});

it("changes nothing that is wrong", () => {
  const change = vi.fn((value: unknown) => (value as string).length);
  const length = string().transform(change);
  expect(length.safeParse("four")).toEqual({ success: true, data: 4 });
  expect(length.safeParse(undefined).success).toBe(false);
  expect(change).toHaveBeenCalledTimes(1);
});

it("gives what stands for nothing anew each time", async () => {
  const { CallToolResultSchema } = await load([instead]);
  const { content } = CallToolResultSchema.parse({ structuredContent: {} });
  content.push({ type: "text", text: "of another" });
  expect(CallToolResultSchema.parse({ structuredContent: {} }).content).toEqual([]);
});

it("is said in the words of the issues", () => {
  const { error } = string().safeParse(7);
  expect(String(error)).toBe(error!.message);
  expect(error!.message).toContain("expected string, received number");
});
