// Leaves out of a library's classes what no agent uses. A bundler drops functions that nothing names, and keeps all members of a class:
// only the running program knows which it asks for.
import { readFileSync } from "node:fs";
import type { Plugin } from "esbuild";
import MagicString from "magic-string";
import { type ESTree, parseAst, Visitor } from "vite";

interface Unused {
  /** Methods and fields of instances by the name of their class, which may be the one that it is exported by. */
  members: Record<string, string[]>;
  /** What names one of them all the same, as it is written: where no agent comes. */
  unreached?: string[];
}

/**
 * Leaves members out of the classes of one file. The build fails where the library is not as expected: if the file is not loaded, a member is
 * not there, or what stays names one that does not.
 */
export const withoutMembers = (file: RegExp, unused: Unused): Plugin =>
  rewritten(file, (text) => removeMembers(text, unused));

/** Changes the text of one file as it is loaded. The build fails if it is not. */
export const rewritten = (file: RegExp, change: (text: string) => string): Plugin => ({
  name: "rewritten",
  setup(build) {
    let isLoaded = false;
    build.onLoad({ filter: file }, ({ path }) => {
      isLoaded = true;
      return { contents: change(readFileSync(path, "utf8")) };
    });
    build.onEnd(() => (isLoaded ? undefined : { errors: [{ text: `No file is loaded whose path is like ${file}` }] }));
  }
});

/** @throws if a member is not there, or is named by what stays */
export function removeMembers(text: string, { members, unreached = [] }: Unused): string {
  const classes = classesOf(parseAst(text));
  const output = new MagicString(text);
  for (const [className, names] of Object.entries(members)) {
    for (const name of names) {
      const found = classes.get(className)?.body.body.filter((member) => isInstanceMember(member, name)) ?? [];
      if (found.length === 0) throw new Error(`There is no ${className}.${name} to leave out. ${advice}`);
      for (const { start, end } of found) output.remove(start, end);
    }
  }
  const rest = output.toString();
  const mentions = mentionsOf(rest, new Set(Object.values(members).flat()));
  const missing = mentions.filter((mention) => !unreached.includes(mention));
  if (missing.length > 0) throw new Error(`Left out, and named by what stays: ${missing.join(", ")}. ${advice}`);
  const gone = unreached.filter((mention) => !mentions.includes(mention));
  if (gone.length > 0) throw new Error(`Expected in what stays, and not there: ${gone.join(", ")}. ${advice}`);
  return rest;
}

const advice = "Read the library again, and correct what is left out of it.";

const isInstanceMember = (member: ESTree.ClassElement, name: string) =>
  "key" in member && !member.static && nameOf(member.key, member.computed) === name;

/** Each by its own name, that of the variable that has it, and the one that it is exported by. */
function classesOf(program: ESTree.Program): Map<string, ESTree.Class | undefined> {
  const classes = new Map<string, ESTree.Class | undefined>();
  // Nobody can tell which of two is meant.
  const add = (name: string, node: ESTree.Class) => classes.set(name, classes.has(name) ? undefined : node);
  const exported: ESTree.ExportSpecifier[] = [];
  new Visitor({
    ClassDeclaration(node) {
      if (node.id) add(node.id.name, node);
    },
    VariableDeclarator({ id, init }) {
      if (id.type === "Identifier" && init?.type === "ClassExpression") add(id.name, init);
    },
    ExportSpecifier: (node) => void exported.push(node)
  }).visit(program);
  // Looked up before any is set: a variable of a minified library may be named like what it exports.
  const byExport = exported.map(({ local, exported: as }) => [nameOf(as), classes.get(nameOf(local))] as const);
  for (const [name, found] of byExport) if (found) classes.set(name, found);
  return classes;
}

/** Where members of these names are asked for, as it is written. */
function mentionsOf(text: string, names: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const mention = ({ start, end }: ESTree.Span) => found.push(text.slice(start, end));
  new Visitor({
    MemberExpression(node) {
      if (names.has(nameOf(node.property, node.computed))) mention(node);
    },
    // `"name" in object`
    BinaryExpression(node) {
      if (node.operator === "in" && names.has(nameOf(node.left, true))) mention(node);
    },
    // `const { name } = object`
    ObjectPattern({ properties }) {
      for (const property of properties) {
        if (property.type === "Property" && names.has(nameOf(property.key, property.computed))) mention(property);
      }
    }
  }).visit(parseAst(text));
  return found;
}

/** `name` of `.name`, `name:` and `["name"]`. Nothing of `[name]`, which is known when it runs. */
function nameOf(key: ESTree.Node, isComputed = false): string {
  if (key.type === "Identifier" && !isComputed) return key.name;
  if (key.type === "TemplateLiteral") return key.quasis.map(({ value }) => value.cooked).join();
  return key.type === "Literal" ? String(key.value) : "";
}
