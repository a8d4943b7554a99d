import { fileURLToPath } from "node:url";

/** The published releases of `agents` that we interoperate with, each with the `@cloudflare/ai-chat` of its time. */
export const versions = ["0.8.7", "0.32.0"] as const;
export type Version = (typeof versions)[number];

/** Who is who: a published client with our server, our client with a published server, or ours after a published one. */
export type Direction = "their client, our server" | "our client, their server" | "their data, our server";

/** Which packages `agents`, `@cloudflare/ai-chat`, `ai` and `react` are: ours, or those of a release. */
export type Implementation = "ours" | Version;

/** The folder from which an implementation's packages are found. */
export const folderOf = (implementation: Implementation): string =>
  fileURLToPath(
    new URL(
      implementation === "ours" ? "../../../templates/starter/" : `../published/${implementation}/`,
      import.meta.url
    )
  );
