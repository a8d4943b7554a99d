import { isNamespace } from "../../core/class-name";
import { AgentError } from "../../protocol/errors";
import { kebabCase } from "../../protocol/names";

const usualBinding = "MCP_OBJECT";

/**
 * The binding of a class: the one that is named, else `MCP_OBJECT`, else one that is called like the class, else what the Worker
 * exports under its name.
 *
 * @throws MCP_BINDING_UNKNOWN
 */
export function findNamespace(
  className: string,
  binding: string | undefined,
  env: unknown,
  ctx: unknown
): DurableObjectNamespace {
  const bindings = (env ?? {}) as Record<string, unknown>;
  const exported = ((ctx as { exports?: unknown } | undefined)?.exports ?? {}) as Record<string, unknown>;
  const namespaces = Object.keys(bindings).filter((name) => isNamespace(bindings[name]));
  const candidates = binding === undefined ? [usualBinding, ...calledLike(className, namespaces)] : [binding];
  for (const name of candidates) {
    if (isNamespace(bindings[name])) return bindings[name];
  }
  if (binding === undefined && isNamespace(exported[className])) {
    return exported[className];
  }
  throw new AgentError(
    "MCP_BINDING_UNKNOWN",
    `${className}.serve() looked for a Durable Object binding ${candidates.map((name) => `"${name}"`).join(", ")}; this Worker has ${namespaces.join(", ") || "none"}. Name it: serve(path, { binding: "..." })`
  );
}

function calledLike(className: string, names: readonly string[]): string[] {
  const wanted = kebabCase(className);
  return [className, ...names.filter((name) => name !== className && kebabCase(name) === wanted)];
}
