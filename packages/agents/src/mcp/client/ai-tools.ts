import type { CallToolResult, Tool } from "@modelcontextprotocol/sdk/types.js";
import { AgentError } from "../../protocol/errors";
import type { McpAITool, Of } from "./types";
import type { NamedTool } from "./tool-names";

// All versions of the AI SDK from 5 on know their schemas by this mark: nothing of the SDK is needed to make one.
const schemaMark = Symbol.for("vercel.ai.schema");

/** Tools as `streamText` and `generateText` take them, by name. */
export function aiTools(
  named: readonly NamedTool<Tool>[],
  call: (tool: Of<Tool>, input: Record<string, unknown>, signal: AbortSignal | undefined) => Promise<CallToolResult>
): Record<string, McpAITool> {
  return Object.fromEntries(
    named.map(({ key, tool }) => {
      const { description, title = tool.annotations?.title, inputSchema } = tool;
      const aiTool: McpAITool = {
        ...(description !== undefined && { description }),
        ...(title !== undefined && { title }),
        inputSchema: { [schemaMark]: true, _type: undefined, jsonSchema: inputSchema, validate: undefined },
        async execute(input, options) {
          const result = await call(tool, input as Record<string, unknown>, options?.abortSignal);
          // What a model is told as an error is what the tool says.
          if (result.isError) throw new AgentError("MCP_TOOL_FAILED", textOf(result) || `${tool.name} has failed`);
          return result;
        }
      };
      return [key, aiTool];
    })
  );
}

const textOf = ({ content }: CallToolResult) =>
  (content ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
