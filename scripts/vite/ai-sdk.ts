import type { Plugin } from "vite";

/**
 * Takes the AI SDK (`ai` and `@ai-sdk/*`) from the dependencies of another package.
 *
 * @param packageJson its absolute path; what it depends on is resolved as if this file imported it
 */
export function aiSdk(packageJson: string): Plugin {
  return {
    name: "ai-sdk",
    enforce: "pre",
    resolveId(id, importer, options) {
      // What the AI SDK imports of itself belongs to its version.
      if (!/^(?:ai|@ai-sdk\/[^/]+)(?:\/|$)/.test(id) || importer?.includes("/node_modules/")) return null;
      return this.resolve(id, packageJson, { ...options, skipSelf: true });
    }
  };
}
