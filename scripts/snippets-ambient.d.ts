// What snippets of the documentation may use without saying where it comes from.

/** The bindings and variables of a Worker. A snippet that needs certain ones declares an `Env` of its own. */
interface Env extends Cloudflare.Env {
  AI: Ai;
}

/** A language model: of Workers AI, of OpenAI, or any other that the AI SDK knows. */
declare const model: import("ai").LanguageModel;

/** Who a token belongs to. Yours to write. */
declare function verifyToken(
  token: string | null
): Promise<{ id: string; role: "admin" | "editor" | "viewer" } | undefined>;
