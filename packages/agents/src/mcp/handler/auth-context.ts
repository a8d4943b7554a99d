import { AsyncLocalStorage } from "node:async_hooks";

/** Who is asking. */
export interface McpAuthContext {
  /** What the authorization server said of the user when it issued the token: `props` of `completeAuthorization`. */
  props: Record<string, unknown>;
}

const storage = new AsyncLocalStorage<McpAuthContext | undefined>();

/**
 * Who is asking, inside a tool, resource or prompt of a server that `createMcpHandler` serves.
 *
 * @returns `undefined` outside of a request, and where nobody has authorized it
 * @example
 * server.registerTool("whoami", {}, () => {
 *   const name = getMcpAuthContext()?.props.name ?? "nobody";
 *   return { content: [{ type: "text", text: String(name) }] };
 * });
 */
export function getMcpAuthContext(): McpAuthContext | undefined {
  return storage.getStore();
}

/** Runs `run` on behalf of somebody, and of nobody else. */
export const runAs = <Result>(context: McpAuthContext | undefined, run: () => Result): Result =>
  storage.run(context, run);
