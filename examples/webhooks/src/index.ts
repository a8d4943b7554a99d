import { getAgentByName, routeAgentRequest } from "agents";
import { isFromGitHub, repositoryOf, type Payload } from "./github";
import type { Env } from "./repository";

export { Repository } from "./repository";

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/webhooks/github") return receive(request, env);
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
} satisfies ExportedHandler<Env>;

/** Nothing is read, and no agent is woken, before it is certain that GitHub has sent it. */
async function receive(request: Request, env: Env): Promise<Response> {
  if (request.method !== "POST") return new Response("Method not allowed", { status: 405, headers: { Allow: "POST" } });
  const body = await request.arrayBuffer();
  if (!(await isFromGitHub(body, request.headers.get("X-Hub-Signature-256"), env.GITHUB_WEBHOOK_SECRET))) {
    console.warn("A webhook without a valid signature was refused");
    return new Response("Invalid signature", { status: 401 });
  }
  const id = request.headers.get("X-GitHub-Delivery");
  const type = request.headers.get("X-GitHub-Event");
  const payload = parse(body);
  if (!id || !type || !payload) return new Response("Not a delivery of GitHub", { status: 400 });
  const fullName = repositoryOf(payload);
  if (!fullName) return type === "ping" ? new Response("pong") : new Response("Missing repository", { status: 400 });
  const repository = await getAgentByName(env.Repository, instanceOf(fullName));
  const outcome = await repository.deliver({ id, type, payload });
  return new Response(outcome, { status: outcome === "accepted" ? 202 : 200 });
}

/** Owners have no dot in their name, so no two repositories have one instance. */
const instanceOf = (fullName: string): string => fullName.toLowerCase().replace("/", ".");

function parse(body: ArrayBuffer): Payload | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
