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

export default defineConfig(({ command }) => ({
  plugins: [
    agents(),
    react(),
    cloudflare({
      ...local,
      // In development, servers on this machine may be added. What is built asks public addresses only.
      config: command === "serve" ? { vars: { MCP_ALLOW_LOOPBACK: "true" } } : {}
    })
  ],
  server: { host: "127.0.0.1", port: port ?? 5173, strictPort: port !== undefined }
}));
