import { decoratorLoader, lowerDecorators, type Transformed } from "./decorators.ts";

export type { Transformed };

// Written out rather than imported from Vite: it fits the plugin type of every Vite (and Rollup) version, and this
// package needs none of them.
/** A Vite plugin, as far as this package uses one. */
export interface AgentsPlugin {
  name: string;
  enforce: "pre";
  transform: {
    filter: { id: RegExp; code: RegExp };
    handler(code: string, id: string): Promise<Transformed | undefined>;
  };
}

/**
 * Makes standard decorators such as `@callable()` work under Vite: in `vite dev`, in `vite build` and in Vitest.
 *
 * Vite leaves decorators in its output as they are, and neither workerd nor a browser can read them. This plugin
 * lowers them with esbuild (`npm i -D esbuild`); everything else about the file is left to Vite. Decorators have
 * their standard meaning, whatever `experimentalDecorators` is in your `tsconfig.json`.
 *
 * @example
 * ```ts
 * // vite.config.ts
 * import { cloudflare } from "@cloudflare/vite-plugin";
 * import agents from "agents/vite";
 * import { defineConfig } from "vite";
 *
 * export default defineConfig({ plugins: [agents(), cloudflare()] });
 * ```
 */
export function agents(): AgentsPlugin {
  return {
    name: "agents",
    enforce: "pre",
    transform: {
      filter: { id: /\.[cm]?[jt]sx?(?:\?|$)/, code: /@/ },
      // Vite before 6.3 does not know `filter`, so the handler asks again.
      async handler(code, id) {
        const loader = decoratorLoader(code, id);
        return loader && lowerDecorators(code, id, loader);
      }
    }
  };
}

export default agents;
