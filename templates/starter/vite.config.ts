import { cloudflare } from "@cloudflare/vite-plugin";
import react from "@vitejs/plugin-react";
import agents from "agents/vite";
import { defineConfig } from "vite";

// Development stays on this machine: no usage data, no update check, no request for sample geolocation data.
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";
process.env.WRANGLER_SEND_METRICS ??= "false";
process.env.WRANGLER_SEND_ERROR_REPORTS ??= "false";
process.env.WRANGLER_HIDE_BANNER ??= "true";

// Where the databases of development are. Default: .wrangler/state. Tests say so, and have no use for an inspector either.
const persistTo = process.env.PERSIST_TO;
const local = persistTo ? { persistState: { path: persistTo }, inspectorPort: false as const } : {};
const port = process.env.PORT ? Number(process.env.PORT) : undefined;

export default defineConfig({
  // agents() lowers the @callable() decorators, which the bundler leaves as they are.
  plugins: [agents(), react(), cloudflare(local)],
  // The page is one chunk: React, the AI SDK and Markdown are all needed for the first message.
  build: { chunkSizeWarningLimit: 800 },
  server: { host: "127.0.0.1", port: port ?? 5173, strictPort: port !== undefined },
  preview: { host: "127.0.0.1", port: port ?? 4173, strictPort: port !== undefined }
});
