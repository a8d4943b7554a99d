import type { UIMessage } from "ai";

export type Part = UIMessage["parts"][number];
type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const isString = (value: unknown): value is string => typeof value === "string";

export const textPart = (text: string): Part => ({ type: "text", text });

/** A value as somebody can read it. */
export function textOf(value: unknown): string {
  try {
    return isString(value) ? value : (JSON.stringify(value) ?? "");
  } catch {
    return "";
  }
}

/**
 * What an item of a message's parts, or of its content, is as parts of today. An item that is one is returned itself, and so are
 * those of types that a later release may know.
 *
 * @param shown what is shown of an item that cannot be a part
 */
export function convertPart(item: unknown, shown = item): Part | Part[] {
  if (Array.isArray(item)) return item.map((one) => convertPart(one)).flat();
  if (!isObject(item)) return textPart(textOf(item));
  switch (item.type) {
    case "text":
      return isString(item.text) ? asPart(item) : textParts(item);
    case "reasoning":
    case "redacted-reasoning":
      return reasoningParts(item, shown);
    case "file":
    case "image":
      return filePart(item) ?? textPart(textOf(shown));
    case "source":
      return sourcePart(item) ?? textPart(textOf(shown));
    case "source-url":
      return isString(item.url) && isString(item.sourceId) ? asPart(item) : textPart(textOf(shown));
    case "source-document":
      return isString(item.sourceId) && isString(item.mediaType) && isString(item.title)
        ? asPart(item)
        : textPart(textOf(shown));
  }
  if (!isString(item.type)) return textPart(isString(item.text) && onlyText(item) ? item.text : textOf(shown));
  if (item.type === "dynamic-tool" || item.type.startsWith("tool-")) return toolPart(item) ?? textPart(textOf(shown));
  return asPart(item);
}

const asPart = (fields: Fields): Part => fields as Part;
const onlyText = (item: Fields): boolean => Object.keys(item).length === 1;

/** A text that is an array, or something else that is no text. */
function textParts(item: Fields): Part[] {
  if (item.text == null) return [asPart({ ...item, text: "" })];
  const parts = [convertPart(item.text)].flat();
  return parts.map((part) => (part.type === "text" ? asPart({ ...item, ...part }) : part));
}

function reasoningParts(item: Fields, shown: unknown): Part | Part[] {
  const { reasoning, details, signature, data, type, ...rest } = item;
  if (type === "redacted-reasoning") return reasoningPart(rest, "", { redactedData: data });
  if (Array.isArray(details) && details.length > 0) {
    return details.map((detail) => {
      if (!isObject(detail)) return reasoningPart(rest, textOf(detail));
      if (detail.type === "redacted") return reasoningPart(rest, "", { redactedData: detail.data });
      if (!isString(detail.text)) return reasoningPart(rest, textOf(detail));
      return reasoningPart(rest, detail.text, signatureOf(detail.signature));
    });
  }
  if (isString(rest.text))
    return signature === undefined ? asPart(item) : reasoningPart(rest, rest.text, signatureOf(signature));
  if (reasoning === undefined && rest.text === undefined)
    return reasoningPart(rest, onlyType(item) ? "" : textOf(shown));
  const text = reasoning ?? rest.text;
  const texts = Array.isArray(text)
    ? text.map((one) => (isObject(one) && isString(one.text) ? one.text : textOf(one)))
    : [];
  return reasoningPart(rest, Array.isArray(text) ? texts.join("") : textOf(text), signatureOf(signature));
}

const onlyType = (item: Fields): boolean => Object.keys(item).length === 1;
const signatureOf = (signature: unknown): Fields | undefined => (signature === undefined ? undefined : { signature });

/** Only one provider had signatures when reasoning was stored so. */
function reasoningPart(rest: Fields, text: string, anthropic?: Fields): Part {
  const known = isObject(rest.providerMetadata) ? rest.providerMetadata : {};
  const metadata = anthropic
    ? { providerMetadata: { ...known, anthropic: { ...objectOr(known.anthropic), ...anthropic } } }
    : {};
  return asPart({ state: "done", ...rest, type: "reasoning", text, ...metadata });
}

const objectOr = (value: unknown): Fields => (isObject(value) ? value : {});

function filePart(item: Fields): Part | undefined {
  if (item.type === "file" && isString(item.url) && isString(item.mediaType)) return asPart(item);
  const { url, data, image, mimeType, mediaType, contentType, name, ...rest } = item;
  const source = [url, data, image].find(isString);
  if (source === undefined) return undefined;
  const isUrl = /^[a-z][a-z0-9+.-]*:/i.test(source);
  const type =
    [mediaType, mimeType, contentType].find(isString) ??
    /^data:([^;,]+)/i.exec(source)?.[1] ??
    (item.type === "image" ? "image/png" : "application/octet-stream");
  return asPart({
    ...(isString(name) ? { filename: name } : {}),
    ...defined(rest),
    type: "file",
    mediaType: type,
    url: isUrl ? source : `data:${type};base64,${source}`
  });
}

function sourcePart({ source, type: _, ...rest }: Fields): Part | undefined {
  if (!isObject(source) || !isString(source.url)) return undefined;
  const { id, url, sourceType: __, ...more } = source;
  return asPart({ ...rest, ...more, type: "source-url", sourceId: isString(id) ? id : url, url });
}

const states: Readonly<Record<string, string>> = {
  "partial-call": "input-streaming",
  call: "input-available",
  result: "output-available"
};

/** A call, which may say its tool in its type, in a field of its own, or in what it wraps. */
function toolPart(item: Fields): Part | undefined {
  if (isString(item.toolCallId) && isString(item.state) && !Object.hasOwn(states, item.state)) {
    if (item.type !== "dynamic-tool" || isString(item.toolName)) return asPart(item);
  }
  const isWrapped = isObject(item.toolInvocation) && !isString(item.toolCallId);
  const call = isWrapped ? { ...item, toolInvocation: undefined, ...objectOr(item.toolInvocation) } : item;
  const {
    toolCallId,
    toolName,
    state,
    args,
    input,
    result,
    output,
    isError,
    step: _,
    type,
    toolInvocation: __,
    ...rest
  } = call;
  if (!isString(toolCallId)) return undefined;
  const isNamed =
    type !== "tool-invocation" && type !== "tool-call" && type !== "tool-result" && type !== "dynamic-tool";
  const name = isString(toolName) ? toolName : isNamed ? String(type).slice("tool-".length) : "unknown";
  const has = output !== undefined || result !== undefined || type === "tool-result";
  const migrated = isString(state) ? (states[state] ?? state) : has ? "output-available" : "input-available";
  const made = { ...defined(rest), type: `tool-${name}`, toolCallId, input: input ?? args ?? {} };
  if (isError === true) return asPart({ ...made, state: "output-error", errorText: textOf(output ?? result) });
  if (migrated !== "output-available") return asPart({ ...made, state: migrated });
  return asPart({ ...made, state: migrated, output: output ?? result ?? null });
}

const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
