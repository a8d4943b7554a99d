/// <reference types="@cloudflare/workers-types" />
/// <reference types="vite/client" />

/** The bindings of wrangler.jsonc and the variables of .env (see .env.example). `npx wrangler types` can write this for you. */
interface Env {
  ChatAgent: DurableObjectNamespace<import("./src/server").ChatAgent>;

  OPENAI_BASE_URL?: string;
  OPENAI_API_KEY?: string;
  OPENAI_MODEL?: string;

  ANTHROPIC_API_KEY?: string;
  ANTHROPIC_MODEL?: string;

  AI?: Ai;
  WORKERS_AI_MODEL?: string;

  DEMO_MODEL_DELAY_MS?: string;
}
