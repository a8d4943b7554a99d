import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "vite";
import { describe, expect, it } from "vitest";
import { exportedNames } from "./exports.ts";

const root = fileURLToPath(new URL("..", import.meta.url)).replaceAll("\\", "/");

type Target = string | { types: string; default: string };
interface Package {
  name: string;
  private?: boolean;
  folder: string;
  exports: Record<string, Target>;
}

const packages = globSync("packages/*/package.json", { cwd: root })
  .map((path): Package => {
    const folder = root + posix.dirname(path.replaceAll("\\", "/"));
    return { folder, ...(JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as Omit<Package, "folder">) };
  })
  .filter((found) => !found.private);

/** Import path → files. */
const targets = new Map(
  packages.flatMap(({ name, folder, exports }) =>
    Object.entries(exports)
      .filter(([path]) => path !== "./package.json")
      .map(([path, target]) => [posix.join(name, path), { folder, target }] as const)
  )
);

/** The names that a built module exports, those of `export *` included. */
function namesOf(path: string, kind: "types" | "default"): string[] {
  const found = targets.get(path);
  if (!found || typeof found.target === "string") throw new Error(`${path} is no module`);
  const text = readFileSync(posix.join(found.folder, found.target[kind]), "utf8");
  const { body } = parseAst(text, { lang: kind === "types" ? "dts" : "js" });
  return body.flatMap((node): string[] => {
    if (node.type === "ExportAllDeclaration") return namesOf(String(node.source.value), kind);
    if (node.type === "ExportDefaultDeclaration") return ["default"];
    if (node.type !== "ExportNamedDeclaration") return [];
    const declared = (node.declaration ?? {}) as { id?: { name: string }; declarations?: { id: { name: string } }[] };
    const declarations = [declared, ...(declared.declarations ?? [])].map(({ id }) => id?.name);
    const specified = node.specifiers.map(({ exported }) => ("name" in exported ? exported.name : exported.value));
    return [...declarations, ...specified].filter((name) => name !== undefined);
  });
}

const sorted = (names: Iterable<string>) => [...new Set(names)].sort();
const modules = Object.entries(exportedNames).filter(([path, { all, json }]) => targets.has(path) && !all && !json);

it("every import path of the packages is in the table, and the other way round", () => {
  const expected = Object.entries(exportedNames).filter(([, { values, types, ours, all, json }]) =>
    [values, types, ours, all, json].some(Boolean)
  );
  expect(sorted(targets.keys())).toEqual(sorted(expected.map(([path]) => path)));
});

// The build comes first in `npm test` and in `npm run check`. Without one there is nothing to read.
describe("the built packages", () => {
  // proves add-to-existing-project#react-included
  it.each(modules)("%s exports what the table says", (path, { values = [], types = [], ours = [] }) => {
    const exported = namesOf(path, "types");
    const present = namesOf(path, "default");
    expect(sorted(exported)).toEqual(sorted([...values, ...types, ...ours]));
    expect(sorted(present.filter((name) => !ours.includes(name)))).toEqual(sorted(values));
    expect(present.filter((name) => !exported.includes(name))).toEqual([]);
  });

  // proves get-current-agent#chat-agent-import, agents-api#AIChatAgent
  it.each(Object.entries(exportedNames).filter(([, { all }]) => all))(
    "%s exports all of the other path",
    (path, names) => {
      for (const kind of ["types", "default"] as const) expect(namesOf(path, kind)).toEqual(namesOf(names.all!, kind));
    }
  );

  it.each(Object.entries(exportedNames).filter(([, { later }]) => later))(
    "%s has nothing of later yet",
    (path, names) => {
      const exported = targets.has(path) ? namesOf(path, "types") : [];
      expect(
        Object.values(names.later!)
          .flat()
          .filter((name) => exported.includes(name))
      ).toEqual([]);
    }
  );

  // Bundlers warn of each, and a deployment shows it to the user.
  it("import nothing for nothing", () => {
    const files = globSync("packages/*/dist/**/*.mjs", { cwd: root });
    const bare = files.filter((path) => /^import "/m.test(readFileSync(root + path, "utf8")));
    expect(files.length).toBeGreaterThan(0);
    expect(bare).toEqual([]);
  });

  // A program as a user has it: settings from `agents/tsconfig`, and the declarations of all packages checked too.
  it("can be imported by a program, name by name", () => {
    const folder = `${root}node_modules/.cache/exports-test`;
    const imports = [...targets.keys()]
      .filter((path) => !exportedNames[path]?.json)
      .map((path, index) => {
        const values = new Set(namesOf(path, "default"));
        const specifiers = sorted(namesOf(path, "types")).map(
          (name) => `${values.has(name) ? "" : "type "}${name} as _${index}_${name}`
        );
        return `export { ${specifiers.join(", ")} } from "${path}";`;
      });
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/program.ts`, imports.join("\n"));
    writeFileSync(
      `${folder}/tsconfig.json`,
      JSON.stringify({
        extends: "agents/tsconfig",
        compilerOptions: {
          skipLibCheck: false,
          types: ["@cloudflare/workers-types"],
          lib: ["ES2024", "ESNext.Decorators"]
        },
        include: ["*.ts"]
      })
    );
    const { stdout } = spawnSync(
      process.execPath,
      [`${root}node_modules/typescript/bin/tsc`, "--pretty", "false", "-p", folder],
      { cwd: root, encoding: "utf8" }
    );
    rmSync(folder, { recursive: true });
    // Declarations of others have errors of their own.
    const ours = stdout.split("\n").filter((line) => /^(packages|node_modules\/\.cache)\//.test(line));
    expect(ours).toEqual([]);
  }, 60_000);
});
