// The schemas of the MCP SDK, made with what stands in for zod in the module that agents load, against those made with zod itself.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { expect, it } from "vitest";
import { eachSeed, fuzzSeeds, fuzzTimeoutMs, type Random } from "../../test/random";

interface Schema {
  _zod: { def: Definition };
  safeParse(value: unknown): { success: boolean; data?: unknown; error?: { issues: Issue[] } };
}

interface Issue {
  code: string;
  path: PropertyKey[];
  message: string;
  errors?: Issue[][];
  keys?: string[];
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

/** All schemas of the SDK, by name. Whatever else agents take of it has been run, too. */
async function schemas(plugins: Plugin[] = []): Promise<Map<string, Schema>> {
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
    const all = (await import(pathToFileURL(join(folder, "schemas.mjs")).href)) as Record<string, Schema>;
    return new Map(Object.entries(all).filter(([name]) => name.endsWith("Schema")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const junk = [undefined, null, true, -1, 0.5, 101, 1e16, "", "7", "file:///a", "javascript:x", [], {}, { type: "x" }];
const texts = [
  "x",
  "https://a.example/b",
  "file:///a",
  "2026-11-22T10:00:00+01:00",
  "2026-11-22",
  "2024-02-29T23:59:59.5Z",
  "2026-02-29T10:00:00Z",
  "2026-11-22T24:00:00Z",
  "aGVsbG8=",
  "data:,x"
];

/** A value that a schema may well accept. Some part of it is often what no schema expects. */
function valueFor({ _zod: { def } }: Schema, random: Random): unknown {
  if (random.chance(0.03)) return random.pick(junk);
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
      return random.pick([0, 1, 0.5, 7, -3, 2 ** 53, "5"]);
    case "object": {
      const fields = Object.entries(def.shape).map(([key, schema]) => [key, valueFor(schema, random)] as const);
      const unexpected = random.chance(0.1) ? [["unexpected", random.pick(junk)] as const] : [];
      return Object.fromEntries([...fields.filter(([, value]) => value !== undefined), ...unexpected]);
    }
    case "optional":
      return random.chance(0.5) ? undefined : valueFor(def.innerType, random);
    case "pipe":
      return valueFor(def.in._zod.def.type === "transform" ? def.out : def.in, random);
    case "record":
      return { [random.pick(texts)]: valueFor(def.valueType, random) };
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
    const ours = await schemas([
      {
        name: "instead",
        setup: ({ onResolve }) =>
          onResolve({ filter: /^zod\/v4(-mini)?$/ }, () => ({ path: join(import.meta.dirname, "sdk-zod.ts") }))
      }
    ]);
    const zods = [...(await schemas())];
    expect(zods.length).toBeGreaterThan(150);
    const seen = { accepted: new Set<string>(), refused: new Set<string>() };
    await eachSeed((random) => {
      for (const [name, schema] of Array.from({ length: 60 }, () => random.pick(zods))) {
        const value = valueFor(schema, random);
        const expected = schema.safeParse(structuredClone(value));
        const { success, data, error } = ours.get(name)!.safeParse(value);
        seen[success ? "accepted" : "refused"].add(name);
        expect({ name, value, success, data, issues: error?.issues }).toEqual({
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
