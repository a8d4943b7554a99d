import type { UIMessage, UIMessageChunk } from "ai";

type Part = UIMessage["parts"][number];
type Fields = Record<string, unknown>;
type ToolPart = Fields & { type: string; toolCallId: string; state: string };

/**
 * Builds a message from the chunks of a stream: the same parts, in the same order, as the AI SDK builds on its side. Parts are
 * replaced, never changed, so that a snapshot stays what it was.
 */
export class MessageBuilder {
  readonly #id: string;
  readonly #parts: Part[];
  #metadata: unknown;
  /** Index of the open text and reasoning parts, by the stream's own ids. */
  readonly #text = new Map<string, number>();
  readonly #reasoning = new Map<string, number>();

  /** @param message the message to continue, or one without parts */
  constructor(message: UIMessage) {
    this.#id = message.id;
    this.#parts = [...message.parts];
    this.#metadata = message.metadata;
  }

  /** Another one that goes on from here: what it applies does not change this one. */
  fork(): MessageBuilder {
    const fork = new MessageBuilder({ id: this.#id, role: "assistant", parts: this.#parts, metadata: this.#metadata });
    for (const [id, index] of this.#text) fork.#text.set(id, index);
    for (const [id, index] of this.#reasoning) fork.#reasoning.set(id, index);
    return fork;
  }

  get message(): UIMessage {
    const message: UIMessage = { id: this.#id, role: "assistant", parts: [...this.#parts] };
    if (this.#metadata !== undefined) message.metadata = this.#metadata;
    return message;
  }

  /** Whether there is something to keep: a step that has only begun is nothing. */
  get isEmpty(): boolean {
    return this.#parts.every((part) => part.type === "step-start");
  }

  /** Applies one chunk. Chunks of unknown types, and those that refer to nothing, change nothing. */
  apply(chunk: UIMessageChunk): void {
    switch (chunk.type) {
      case "text-start":
        return this.#open(this.#text, chunk.id, { type: "text", text: "", state: "streaming", ...metadataOf(chunk) });
      case "text-delta":
        return this.#append(this.#text, chunk);
      case "text-end":
        return this.#close(this.#text, chunk);
      case "reasoning-start":
        return this.#open(this.#reasoning, chunk.id, {
          type: "reasoning",
          id: chunk.id,
          text: "",
          state: "streaming",
          ...metadataOf(chunk)
        });
      case "reasoning-delta":
        return this.#append(this.#reasoning, chunk);
      case "reasoning-end":
        return this.#close(this.#reasoning, chunk);
      case "start-step":
        return this.#push({ type: "step-start" });
      case "start":
      case "finish":
      case "message-metadata":
        return this.#mergeMetadata(chunk.messageMetadata);
      case "error":
      case "abort":
      case "finish-step":
        return;
    }
    // Version 6 of the AI SDK has no type for it.
    if ((chunk.type as string) === "reset-step") this.#resetStep();
    else if (chunk.type.startsWith("tool-")) this.#applyTool(chunk as unknown as ToolChunk);
    else if (chunk.type.startsWith("data-")) this.#applyData(chunk as unknown as DataChunk);
    else if (asPart.has(chunk.type)) this.#push(chunk as unknown as Fields);
  }

  #open(open: Map<string, number>, id: string, part: Fields): void {
    open.set(id, this.#parts.length);
    this.#push(part);
  }

  #append(open: Map<string, number>, chunk: { id: string; delta: string; providerMetadata?: unknown }): void {
    const index = open.get(chunk.id);
    if (index === undefined) return;
    const part = this.#parts[index] as Part & { text: string };
    this.#replace(index, { ...part, text: part.text + chunk.delta, ...metadataOf(chunk) });
  }

  #close(open: Map<string, number>, chunk: { id: string; providerMetadata?: unknown; citations?: unknown }): void {
    const index = open.get(chunk.id);
    if (index === undefined) return;
    open.delete(chunk.id);
    const citations = chunk.citations === undefined ? {} : { citations: chunk.citations };
    this.#replace(index, { ...this.#parts[index], state: "done", ...citations, ...metadataOf(chunk) });
  }

  #applyTool(chunk: ToolChunk): void {
    switch (chunk.type) {
      case "tool-input-start":
        return this.#setTool(chunk, { state: "input-streaming", inputEncoding: chunk.inputEncoding });
      case "tool-input-delta":
        // The input is whole in `tool-input-available`; half of it is only for show.
        return;
      case "tool-input-available":
        return this.#setTool(chunk, { state: "input-available", input: chunk.input, inputEncoding: undefined });
      case "tool-input-error":
        return this.#setTool(this.#asBegun(chunk), {
          state: "output-error",
          input: chunk.input,
          errorText: chunk.errorText,
          inputEncoding: undefined
        });
      case "tool-output-available":
        return this.#updateTool(chunk, {
          state: "output-available",
          output: chunk.output,
          preliminary: chunk.preliminary,
          errorText: undefined
        });
      case "tool-output-error":
        return this.#updateTool(chunk, {
          state: "output-error",
          errorText: chunk.errorText,
          output: undefined,
          preliminary: undefined
        });
      case "tool-output-denied":
        return this.#updateTool(chunk, { state: "output-denied" });
      case "tool-approval-request":
        return this.#updateTool(chunk, { state: "approval-requested", approval: approvalOf(chunk) });
      case "tool-approval-response":
        return this.#respondToApproval(chunk);
    }
  }

  /** Makes the part of a call, or fills it in: the same call of the current step is one part. */
  #setTool(chunk: ToolChunk, fields: Fields): void {
    const type = chunk.dynamic ? "dynamic-tool" : `tool-${chunk.toolName}`;
    const name = chunk.dynamic ? { toolName: chunk.toolName } : {};
    const added = {
      type,
      ...name,
      toolCallId: chunk.toolCallId,
      ...fields,
      ...shared(chunk),
      ...providerMetadataOf(chunk, fields.state)
    };
    const index = this.#findTool(chunk.toolCallId, this.#stepStart);
    if (index < 0) this.#push(added);
    else this.#replace(index, { ...this.#parts[index], ...added });
  }

  /** An invalid input may be announced as dynamic although its call began as a tool that is known, and the reverse. */
  #asBegun({ title: _, ...chunk }: ToolChunk): ToolChunk {
    const begun = this.#parts[this.#findTool(chunk.toolCallId, this.#stepStart)];
    return begun ? { ...chunk, dynamic: begun.type === "dynamic-tool" } : chunk;
  }

  #updateTool(chunk: ToolChunk, fields: Fields): void {
    const index = this.#findTool(chunk.toolCallId, 0);
    if (index < 0) return;
    this.#replace(index, {
      ...this.#parts[index],
      ...fields,
      ...shared(chunk),
      ...providerMetadataOf(chunk, fields.state)
    });
  }

  #respondToApproval(chunk: ToolChunk): void {
    const index = this.#parts.findLastIndex((part) => "approval" in part && part.approval?.id === chunk.approvalId);
    if (index < 0) return;
    const part = this.#parts[index] as unknown as ToolPart & { approval: Fields };
    const reason = chunk.reason === undefined ? {} : { reason: chunk.reason };
    const approval = { ...part.approval, approved: chunk.approved, ...reason };
    this.#replace(index, {
      ...part,
      state: "approval-responded",
      approval,
      ...shared(chunk),
      ...providerMetadataOf(chunk, "approval-responded")
    });
  }

  #applyData({ transient, ...part }: DataChunk): void {
    if (transient) return;
    const index =
      part.id === undefined
        ? -1
        : this.#parts.findIndex((known) => known.type === part.type && "id" in known && known.id === part.id);
    if (index < 0) this.#push(part);
    else this.#replace(index, { ...this.#parts[index], data: part.data });
  }

  /** The model begins the current step again. */
  #resetStep(): void {
    this.#parts.length = this.#stepStart;
    this.#text.clear();
    this.#reasoning.clear();
  }

  #mergeMetadata(metadata: unknown): void {
    if (metadata === undefined || metadata === null) return;
    this.#metadata = merge(this.#metadata, metadata);
  }

  #findTool(toolCallId: string, from: number): number {
    const index = this.#parts.findLastIndex((part) => "toolCallId" in part && part.toolCallId === toolCallId);
    return index >= from ? index : -1;
  }

  get #stepStart(): number {
    return this.#parts.findLastIndex((part) => part.type === "step-start") + 1;
  }

  // The chunk types of the AI SDK determine which fields a part has; an unknown field is kept for a later release.
  #push(part: Fields): void {
    this.#parts.push(part as Part);
  }

  #replace(index: number, part: Fields): void {
    this.#parts[index] = part as Part;
  }
}

type ToolChunk = Fields & {
  type: string;
  toolCallId: string;
  toolName?: string;
  dynamic?: boolean;
  approvalId?: string;
};
type DataChunk = Fields & { type: string; id?: string; data: unknown; transient?: boolean };

/** Chunks that are parts as they stand. */
const asPart: ReadonlySet<string> = new Set([
  "file",
  "reasoning-file",
  "source-url",
  "source-document",
  "custom",
  "steering-message"
]);

const metadataOf = (chunk: { providerMetadata?: unknown }): Fields =>
  chunk.providerMetadata === undefined ? {} : { providerMetadata: chunk.providerMetadata };

/** Fields of tool chunks that their part keeps under the same name. */
function shared(chunk: ToolChunk): Fields {
  const fields: Fields = {};
  for (const name of ["providerExecuted", "title", "toolMetadata"]) {
    if (chunk[name] !== undefined) fields[name] = chunk[name];
  }
  return fields;
}

function providerMetadataOf(chunk: ToolChunk, state: unknown): Fields {
  if (chunk.providerMetadata === undefined) return {};
  const ofResult = state === "output-available" || state === "output-error";
  return ofResult
    ? { resultProviderMetadata: chunk.providerMetadata }
    : { callProviderMetadata: chunk.providerMetadata };
}

function approvalOf(chunk: ToolChunk): Fields {
  const approval: Fields = { id: chunk.approvalId };
  if (chunk.approvalDescriptor !== undefined) approval.descriptor = chunk.approvalDescriptor;
  if (chunk.inputSchemaInput !== undefined) approval.inputSchemaInput = chunk.inputSchemaInput;
  if (chunk.reason !== undefined) approval.requestReason = chunk.reason;
  if (chunk.isAutomatic === true) approval.isAutomatic = true;
  if (chunk.signature !== undefined) approval.signature = chunk.signature;
  return approval;
}

const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Later fields win; objects are merged, arrays and other values replaced. */
function merge(base: unknown, added: unknown): unknown {
  if (!isRecord(base) || !isRecord(added)) return added;
  const merged: Fields = { ...base };
  for (const [name, value] of Object.entries(added)) {
    if (value !== undefined && name !== "__proto__") merged[name] = merge(base[name], value);
  }
  return merged;
}
