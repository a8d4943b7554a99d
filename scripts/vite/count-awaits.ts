import { relative } from "node:path";
import MagicString from "magic-string";
import { parseAst, type Plugin } from "vite";

/** A node of the syntax tree, as far as this file looks at one. */
interface Node {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

/**
 * Makes every `await` of the files that `include` accepts a point which `fault` (packages/agents/src/test/fault.ts)
 * can count and stop at. Without that module loaded the rewritten code behaves as the original.
 */
export function countAwaits(options: { root: string; include: (path: string) => boolean }): Plugin {
  return {
    name: "count-awaits",
    // After TypeScript is gone.
    enforce: "post",
    transform(code, id) {
      const path = relative(options.root, id.split("?", 1)[0] ?? id).replaceAll("\\", "/");
      if (!code.includes("await") || !options.include(path)) return;
      return rewriteAwaits(code, path);
    }
  };
}

/** Rewrites `await x` to `await __awaitPoint((x), place)`; `undefined` when there is no await in `code`. */
export function rewriteAwaits(code: string, path: string) {
  const output = new MagicString(code);
  let points = 0;

  // Children come first, so that of two brackets which close at one place the inner is written first.
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isNode(value)) return;
    Object.values(value).forEach(visit);
    if (value.type === "AwaitExpression") wrap(value.argument as Node, "__awaitPoint");
    if (value.type === "ForOfStatement" && value.await) wrap(value.right as Node, "__awaitEach");
  };
  const wrap = (node: Node, helper: string): void => {
    points++;
    const source = code.slice(node.start, node.end).replace(/\s+/g, " ");
    const place = `${path}: ${source.length > 60 ? `${source.slice(0, 59)}…` : source}`;
    // The tree has no node for `(a, b)`'s brackets: a second pair keeps the comma from parting arguments.
    output.appendLeft(node.start, `${helper}((`).appendLeft(node.end, `), ${JSON.stringify(place)})`);
  };

  visit(parseAst(code));
  if (points === 0) return undefined;
  output.append(helpers);
  return {
    code: output.toString(),
    map: output.generateMap({ source: path, includeContent: true, hires: "boundary" })
  };
}

// At the end, where declarations are hoisted from and no line moves.
const helpers = `
function __awaitPoint(value, place) {
  const points = globalThis.__awaitPoints;
  return points ? points.point(value, place) : value;
}
function __awaitEach(values, place) {
  const points = globalThis.__awaitPoints;
  return points ? points.each(values, place) : values;
}
`;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}
