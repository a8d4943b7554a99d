// The smallest useful Worker.
import { Agent, routeAgentRequest } from "agents";

export class MyAgent extends Agent {
  override onRequest(): Response {
    return new Response("ok");
  }
}

export default {
  async fetch(request, env) {
    return (await routeAgentRequest(request, env)) ?? new Response("not found", { status: 404 });
  }
} satisfies ExportedHandler<Cloudflare.Env>;
