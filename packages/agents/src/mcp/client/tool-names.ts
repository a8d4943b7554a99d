import type { Of } from "./types";

// What all providers of models take.
const maxLength = 64;

/** A tool under the name that models know it by. */
export interface NamedTool<Tool> {
  key: string;
  tool: Of<Tool>;
  /** Another tool would have had this name, so this one has it with a mark. */
  isRenamed: boolean;
}

/**
 * Names tools for models: `tool_{server}_{tool}`. The name of a tool depends on its server's id and its own name alone, so it is the same
 * in each life of the agent. What a model cannot take (characters, length) is replaced, and a mark made of the whole name keeps such names
 * apart. If two tools still had one name, the later one gets a mark too.
 */
export function nameTools<Tool extends { name: string }>(tools: readonly Of<Tool>[]): NamedTool<Tool>[] {
  const taken = new Set<string>();
  return tools.map((tool) => {
    const plain = toolKey(tool.serverId, tool.name);
    const isRenamed = taken.has(plain);
    const key = isRenamed ? marked(plain, tool) : plain;
    taken.add(key);
    return { key, tool, isRenamed };
  });
}

/** The name of a tool for models. */
export function toolKey(serverId: string, name: string): string {
  const whole = `tool_${serverId}_${name}`;
  const safe = whole.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  return safe === whole && safe.length <= maxLength ? safe : marked(safe, { serverId, name });
}

function marked(key: string, { serverId, name }: { serverId: string; name: string }): string {
  return `${key.slice(0, maxLength - 9)}_${digest(JSON.stringify([serverId, name]))}`;
}

/** 32 bits of FNV-1a: to keep names apart, not to keep anybody out. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
