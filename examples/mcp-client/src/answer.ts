import type { Answer, Part } from "./shared";

/** A part of what servers answer, of whatever kind. */
interface Content {
  type: string;
  text?: unknown;
  data?: unknown;
  mimeType?: unknown;
  resource?: unknown;
}

interface Resource {
  uri: string;
  mimeType?: string | undefined;
  text?: unknown;
  blob?: unknown;
}

/** The result of a tool. */
export function answerOf(result: {
  content?: readonly Content[];
  structuredContent?: unknown;
  isError?: boolean | undefined;
}): Answer {
  const { content = [], structuredContent, isError = false } = result;
  const parts = content.map((part) => partOf(part));
  if (structuredContent !== undefined) {
    parts.push({ kind: "text", label: "structured content", text: textOf(structuredContent) });
  }
  return { failed: isError, parts };
}

export function partOf(content: Content, label = ""): Part {
  const { type, text, data, mimeType, resource } = content;
  if (type === "text") return { kind: "text", label, text: String(text) };
  if (type === "image") return { kind: "image", label: label || "image", source: `data:${mimeType};base64,${data}` };
  if (type !== "resource") return { kind: "text", label: label || type, text: textOf(content) };
  const { uri, text: body, blob, mimeType: kind = "" } = resource as Resource;
  if (kind.startsWith("image/") && typeof blob === "string")
    return { kind: "image", label: uri, source: `data:${kind};base64,${blob}` };
  return { kind: "text", label: uri, text: typeof body === "string" ? body : textOf(resource) };
}

const textOf = (value: unknown) => JSON.stringify(value, null, 2);
