import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModel } from "ai";
import { createWorkersAI } from "workers-ai-provider";
import { createDemoModel } from "./demo-model";
import type { ModelInfo } from "./shared";

/**
 * Chooses the model from what is configured (see `.env.example`). With nothing configured, the demo model answers.
 * Once you have settled on one provider, this file can shrink to the one line that creates it.
 */
export function chooseModel(env: Env): { model: LanguageModel; info: ModelInfo } {
  // Any server that speaks the OpenAI protocol: Ollama, llama.cpp, vLLM, OpenAI itself, …
  if (env.OPENAI_BASE_URL) {
    const modelId = env.OPENAI_MODEL || "default";
    const provider = createOpenAICompatible({
      name: "openai-compatible",
      baseURL: env.OPENAI_BASE_URL.replace(/\/+$/, ""),
      apiKey: env.OPENAI_API_KEY || undefined,
      includeUsage: true
    });
    return { model: provider(modelId), info: { label: modelId, demo: false } };
  }

  if (env.ANTHROPIC_API_KEY) {
    const modelId = env.ANTHROPIC_MODEL || "claude-sonnet-4-5";
    const provider = createAnthropic({ apiKey: env.ANTHROPIC_API_KEY });
    return { model: provider(modelId), info: { label: modelId, demo: false } };
  }

  // Workers AI: add `"ai": { "binding": "AI" }` to wrangler.jsonc.
  if (env.AI) {
    const modelId = env.WORKERS_AI_MODEL || "@cf/zai-org/glm-4.7-flash";
    const provider = createWorkersAI({ binding: env.AI });
    return { model: provider(modelId), info: { label: modelId.split("/").at(-1)!, demo: false } };
  }

  const delayMs = Number(env.DEMO_MODEL_DELAY_MS || 25);
  return { model: createDemoModel({ delayMs }), info: { label: "Demo model", demo: true } };
}
