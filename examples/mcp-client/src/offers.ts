import type { MCPServersState } from "agents";

/** Something that a server offers, as the page shows it. */
export interface Offer {
  kind: "tool" | "prompt" | "resource";
  name: string;
  title: string;
  description: string;
  fields: Field[];
}

/** An argument that a tool or a prompt takes. */
export interface Field {
  name: string;
  type: string;
  description: string;
  isRequired: boolean;
  example: unknown;
}

type Item = { name: string; title?: string; description?: string };

/** What one server offers. */
export function offersOf({ tools, prompts, resources, resourceTemplates = [] }: MCPServersState, serverId: string) {
  const ofServer = (item: { serverId: string }) => item.serverId === serverId;
  return {
    tools: tools.filter(ofServer).map((tool) => offer("tool", tool, fieldsOf(tool.inputSchema))),
    prompts: prompts.filter(ofServer).map((prompt) => offer("prompt", prompt, argumentsOf(prompt.arguments))),
    // A template is a resource whose address the user completes.
    resources: [
      ...resources.filter(ofServer).map((resource) => offer("resource", resource, [addressOf(resource.uri)])),
      ...resourceTemplates.filter(ofServer).map((item) => offer("resource", item, [addressOf(item.uriTemplate)]))
    ]
  };
}

function offer(kind: Offer["kind"], { name, title, description = "" }: Item, fields: Field[]): Offer {
  return { kind, name, title: title ?? name, description, fields };
}

function addressOf(uri: string): Field {
  return { name: "uri", type: "string", description: "", isRequired: true, example: uri };
}

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  description?: string;
  default?: unknown;
  minimum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
}

// Whatever a server says of its arguments was written by whoever made it: nothing of it is taken for granted.
function fieldsOf(schema: unknown): Field[] {
  const { properties = {}, required = [] } = (schema ?? {}) as Schema;
  return Object.entries(properties).map(([name, field]) => ({
    name,
    type: typeOf(field),
    description: field?.description ?? "",
    isRequired: required.includes(name),
    example: exampleOf(field)
  }));
}

function argumentsOf(list: unknown): Field[] {
  if (!Array.isArray(list)) return [];
  return (list as { name: string; description?: string; required?: boolean }[]).map((argument) => ({
    name: argument.name,
    type: "string",
    description: argument.description ?? "",
    isRequired: argument.required ?? false,
    example: ""
  }));
}

function typeOf({ type = "any", enum: values }: Schema = {}): string {
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
  return [type].flat().join(" | ");
}

function exampleOf(schema: Schema = {}): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const examples: Record<string, unknown> = { string: "", boolean: false, array: [], object: {}, null: null };
  const [type = "string"] = [schema.type ?? []].flat();
  return type === "number" || type === "integer" ? (schema.minimum ?? 0) : examples[type];
}

/** The arguments to begin with: those that are required. */
export function startOf({ fields }: Offer): string {
  const wanted = fields.filter(({ isRequired }) => isRequired);
  return JSON.stringify(Object.fromEntries(wanted.map(({ name, example }) => [name, example])), null, 2);
}
