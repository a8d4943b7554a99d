import type { UIMessage } from "ai";
import { isToolPart } from "./settle";

type Part = UIMessage["parts"][number];

/** SQLite keeps 2 MB a row; the rest is for the other columns. */
export const maxRowBytes = 1_800_000;

const keptOfOutput = 500;
const cutNote = "\n[The rest was too long to be stored.]";

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/**
 * Makes a message fit into a row: first the largest outputs of tools give way to a note that tells the model what happened,
 * then the largest files and data parts, where all texts together are less than what is too much, then the longest texts are cut.
 * What cannot be helped stays as it is.
 *
 * @returns the message as it can be stored; the same object if it fits
 */
export function fitRow(message: UIMessage, maxBytes = maxRowBytes): UIMessage {
  let excess = excessOf(message, maxBytes);
  if (excess <= 0) return message;
  const parts = [...message.parts];
  const compacted: string[] = [];
  const fitted = (): UIMessage => {
    const metadata =
      compacted.length > 0
        ? { ...(message.metadata as object | undefined), compactedToolOutputs: compacted }
        : message.metadata;
    return { ...message, parts, ...(metadata === undefined ? {} : { metadata }) };
  };
  for (const { index, size } of bySize(parts, (part) =>
    isToolPart(part) && "output" in part ? JSON.stringify(part.output) : undefined
  )) {
    if (excess <= 0 || size <= 2 * keptOfOutput) break;
    const part = parts[index] as Part & { toolCallId: string; output: unknown };
    parts[index] = { ...part, output: noteOn(part.output, size) } as Part;
    compacted.push(part.toolCallId);
    excess = excessOf(fitted(), maxBytes);
  }
  const texts = bySize(parts, textOf).reduce((sum, { size }) => sum + size, 0);
  for (const { index, size } of bySize(parts, wholeOf)) {
    // Texts are cut only if that is enough: an answer without its picture is better than none, or a picture alone.
    if (excess <= texts || size <= 2 * keptOfOutput) break;
    const what = urlOf(parts[index]!) === undefined ? "Data" : "A file";
    parts[index] = { type: "text", text: `[${what} of ${size} bytes was too large to be stored.]`, state: "done" };
    excess = excessOf(fitted(), maxBytes);
  }
  for (const { index, size } of bySize(parts, textOf)) {
    if (excess <= 0) break;
    const text = textOf(parts[index]!)!;
    // A character takes up to six bytes in JSON: what is cut is at least as long as the excess, but leaves the beginning.
    const share = Math.min(text.length, Math.ceil((text.length * (excess + cutNote.length + 2)) / size));
    parts[index] = { ...parts[index], text: cut(text, text.length - share) + cutNote } as Part;
    excess = excessOf(fitted(), maxBytes);
  }
  return fitted();
}

const textOf = (part: Part): string | undefined =>
  part.type === "text" || part.type === "reasoning" ? part.text : undefined;

/** Of a file, also one that the model has made while it reasoned. */
const urlOf = (part: Part): string | undefined =>
  "mediaType" in part && "url" in part && typeof part.url === "string" ? part.url : undefined;

/** What a part is worth nothing without: the URL of a file, or all of a data part. */
const wholeOf = (part: Part): string | undefined =>
  part.type.startsWith("data-") && "data" in part ? JSON.stringify(part.data) : urlOf(part);

function excessOf(message: UIMessage, maxBytes: number): number {
  const text = JSON.stringify(message);
  // Most messages are short: three bytes a character is the most there can be.
  return text.length * 3 <= maxBytes ? 0 : bytesOf(text) - maxBytes;
}

function bySize(
  parts: readonly Part[],
  measured: (part: Part) => string | undefined
): { index: number; size: number }[] {
  const sizes = parts.flatMap((part, index) => {
    const text = measured(part);
    return text === undefined ? [] : [{ index, size: bytesOf(JSON.stringify(text)) }];
  });
  return sizes.sort((a, b) => b.size - a.size);
}

function noteOn(output: unknown, size: number): string {
  const text = typeof output === "string" ? output : JSON.stringify(output);
  return (
    `This output was too large to be stored (${size} bytes), and is not available any more. ` +
    `If it is needed, suggest to run the tool again. It began with: ${cut(text, keptOfOutput)}`
  );
}

/** The first characters of a text, none of them cut in two. */
const cut = (text: string, length: number): string => text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");
