/** What a model has used for an answer. */
export interface Usage {
  model?: string | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  totalTokens?: number | undefined;
}

type Fields = Record<string, unknown>;

/** What the event of `onFinish` tells: of all steps, in the fields of the AI SDK's releases. */
export function usageOfEvent(event: unknown): Usage {
  if (!isFields(event)) return {};
  const response = isFields(event.response) ? event.response : {};
  const model = isFields(event.model) ? event.model : {};
  return { ...modelIn(response.modelId ?? model.modelId), ...tokensIn(event.totalUsage ?? event.usage) };
}

/** What an application writes into the metadata of its messages, as the AI SDK's pages do it. */
export function usageOfMetadata(metadata: unknown): Usage {
  if (!isFields(metadata)) return {};
  const usage = metadata.totalUsage ?? metadata.usage;
  return { ...modelIn(metadata.model ?? metadata.modelId), ...tokensIn(metadata), ...tokensIn(usage) };
}

const modelIn = (model: unknown): Usage => (typeof model === "string" && model !== "" ? { model } : {});

function tokensIn(usage: unknown): Usage {
  if (!isFields(usage)) return {};
  const tokens: Usage = {};
  for (const name of ["inputTokens", "outputTokens", "totalTokens"] as const) {
    const count = usage[name];
    if (typeof count === "number" && Number.isFinite(count)) tokens[name] = count;
  }
  return tokens;
}

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
