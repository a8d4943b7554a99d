// What `wrangler types` makes of a configuration.
declare namespace Cloudflare {
  interface Env {
    OPENAI_API_KEY: string;
    JWT_SECRET: string;
    DEBUG_MODE: string;
    MAX_RETRIES: string;
    AI: Ai;
    ASSETS: Fetcher;
    MY_KV: KVNamespace;
  }
}
interface Env extends Cloudflare.Env {}
