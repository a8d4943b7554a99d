import { deprecated } from "../protocol/deprecated";
import type { AgentChatOptions, OnToolCallCallback } from "../client";
import type { ClientToolSchema } from "../protocol/frames";

/** A JSON Schema, as far as we look at it. */
export type JSONSchemaType = { type?: string; properties?: Record<string, JSONSchemaType>; [keyword: string]: unknown };

/**
 * A tool that a client announces.
 *
 * @deprecated Define tools in `onChatMessage`, and run those of the client in `onToolCall`.
 */
// A table of tools has inputs and outputs of all kinds.
// oxlint-disable-next-line typescript/no-explicit-any
export interface AITool<Input = any, Output = any> {
  description?: string;
  parameters?: JSONSchemaType;
  /** Another name of `parameters`. */
  inputSchema?: JSONSchemaType;
  /** Runs the tool in this client. Without it, a person decides. */
  execute?(input: Input): Output | Promise<Output>;
}

/**
 * What the agent needs to know of the tools that this client runs: those with `execute`.
 *
 * @deprecated Define tools in `onChatMessage`, without `execute` where the client runs them.
 */
export function extractClientToolSchemas(tools: Readonly<Record<string, AITool>> = {}): ClientToolSchema[] | undefined {
  deprecated(
    "extractClientToolSchemas()",
    "define tools in onChatMessage(), without `execute` where the client runs them"
  );
  return schemasOf(tools);
}

/**
 * The names of the tools that wait for a person: those without `execute`.
 *
 * @deprecated Say `needsApproval` where the tool is defined, in `onChatMessage`.
 */
export function detectToolsRequiringConfirmation(tools: Readonly<Record<string, AITool>> = {}): string[] {
  deprecated("detectToolsRequiringConfirmation()", "say `needsApproval` where a tool is defined, in onChatMessage()");
  return Object.entries(tools)
    .filter(([, { execute }]) => !execute)
    .map(([name]) => name);
}

/**
 * What the deprecated options `tools` and `toolsRequiringConfirmation` stand for: the tools are announced, and those that need no
 * confirmation run by themselves, unless the program runs tools itself.
 */
export function announcedTools(
  tools: Readonly<Record<string, AITool>>,
  toConfirm: readonly string[] = [],
  onToolCall?: OnToolCallCallback
): Pick<AgentChatOptions, "clientTools" | "onToolCall"> {
  const runTool: OnToolCallCallback = async ({ toolCall: { toolCallId, toolName, input }, addToolOutput }) => {
    const execute = Object.hasOwn(tools, toolName) && !toConfirm.includes(toolName) && tools[toolName]?.execute;
    if (execute) addToolOutput({ toolCallId, output: await execute(input) });
  };
  return { clientTools: schemasOf(tools), onToolCall: onToolCall ?? runTool };
}

function schemasOf(tools: Readonly<Record<string, AITool>>): ClientToolSchema[] | undefined {
  const schemas = Object.entries(tools)
    .filter(([, { execute }]) => execute)
    .map(([name, { description, parameters, inputSchema }]): ClientToolSchema => {
      const schema = parameters ?? inputSchema;
      return { name, ...(description !== undefined && { description }), ...(schema && { parameters: schema }) };
    });
  return schemas.length > 0 ? schemas : undefined;
}
