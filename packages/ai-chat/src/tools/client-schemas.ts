import { jsonSchema, tool, type ToolSet } from "ai";
import { deprecated } from "../protocol/deprecated";
import type { ClientToolSchema } from "../protocol/frames";

/**
 * Tools for a model from what a client announced. They have no `execute`: the client runs them.
 *
 * @deprecated Define tools in `onChatMessage`; those without `execute` are the client's.
 * @example streamText({ model, messages, tools: createToolsFromClientSchemas(options?.clientTools) });
 */
export function createToolsFromClientSchemas(schemas: readonly ClientToolSchema[] = []): ToolSet {
  deprecated(
    "createToolsFromClientSchemas()",
    "define tools in onChatMessage(), without `execute` where the client runs them"
  );
  return Object.fromEntries(
    schemas.map(({ name, description, parameters }) => [
      name,
      tool({
        ...(description !== undefined && { description }),
        inputSchema: jsonSchema(parameters ?? { type: "object" })
      })
    ])
  );
}
