import { Agent, callable, getAgentByName, routeAgentRequest } from "../index";

// The agents and the Worker of the page "Webhooks", put together. What the page leaves open is as short as can be.

type Payload = { id?: string; type: string; repository?: { full_name?: string }; slow?: boolean };

export class WebhookAgent extends Agent<Cloudflare.Env, { lastEventType?: string; processed?: number }> {
  override initialState = {};

  override async onStart(): Promise<void> {
    this.sql`
      CREATE TABLE IF NOT EXISTS events (
        id TEXT PRIMARY KEY,
        type TEXT NOT NULL,
        payload TEXT,
        timestamp TEXT NOT NULL
      )
    `;
    this.sql`
      CREATE INDEX IF NOT EXISTS idx_events_timestamp
      ON events(timestamp DESC)
    `;
  }

  override async onRequest(request: Request): Promise<Response> {
    if (request.method !== "POST") {
      return new Response("Method not allowed", { status: 405 });
    }
    const signature = request.headers.get("X-Hub-Signature-256");
    const body = await request.text();
    if (!(await this.verifySignature(body, signature, "secret"))) {
      return new Response("Invalid signature", { status: 401 });
    }
    const payload = JSON.parse(body) as Payload;
    if (payload.slow) {
      await this.queue("processWebhook", payload);
      return new Response("Accepted", { status: 202 });
    }
    await this.processEvent(payload);
    return new Response("OK", { status: 200 });
  }

  private async verifySignature(payload: string, signature: string | null, secret: string): Promise<boolean> {
    if (!signature) return false;
    return signature === (await this.sign(payload, secret));
  }

  private async sign(payload: string, secret: string): Promise<string> {
    const encoder = new TextEncoder();
    const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
      "sign"
    ]);
    const signatureBytes = await crypto.subtle.sign("HMAC", key, encoder.encode(payload));
    return `sha256=${Array.from(new Uint8Array(signatureBytes))
      .map((b) => b.toString(16).padStart(2, "0"))
      .join("")}`;
  }

  private async processEvent(payload: Payload) {
    const eventId = payload.id ?? crypto.randomUUID();
    const existing = [...this.sql`SELECT id FROM events WHERE id = ${eventId}`];
    if (existing.length > 0) return;
    this.setState({
      ...this.state,
      lastEventType: payload.type,
      processed: (this.state.processed ?? 0) + 1
    });
    this.sql`
      INSERT INTO events (id, type, payload, timestamp)
      VALUES (${eventId}, ${payload.type}, ${JSON.stringify(payload)}, ${new Date().toISOString()})`;
    // Keep last 100 events
    this.sql`
      DELETE FROM events WHERE id NOT IN (
        SELECT id FROM events ORDER BY timestamp DESC LIMIT 100
      )
    `;
  }

  async processWebhook(payload: Payload) {
    await this.processEvent(payload);
  }

  @callable()
  getEvents(limit = 20) {
    return [...this.sql`SELECT * FROM events ORDER BY timestamp DESC LIMIT ${limit}`];
  }

  @callable()
  getEventsByType(type: string, limit = 20) {
    return [...this.sql`SELECT * FROM events WHERE type = ${type} ORDER BY timestamp DESC LIMIT ${limit}`];
  }

  async sendSignedWebhook(url: string, payload: unknown) {
    const body = JSON.stringify(payload);
    const signature = await this.sign(body, "secret");
    await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Signature": signature },
      body
    });
  }
}

export const webhookWorker = {
  async fetch(request: Request, env: Cloudflare.Env): Promise<Response> {
    const url = new URL(request.url);
    if (request.method === "POST") {
      if (url.pathname === "/webhooks/github") {
        const payload = await request.clone().json<Payload>();
        const repoFullName = payload.repository?.full_name;
        if (!repoFullName) return new Response("Missing repository", { status: 400 });
        const agentName = repoFullName.toLowerCase().replace(/\//g, "-");
        const agent = await getAgentByName(env.WebhookAgent, agentName);
        return agent.fetch(request);
      }
      if (url.pathname.startsWith("/webhooks/stripe/")) {
        const customerId = url.pathname.split("/")[3]!;
        const agent = await getAgentByName(env.WebhookAgent, customerId);
        return agent.fetch(request);
      }
      const teamId = request.headers.get("X-Slack-Team-Id");
      if (url.pathname === "/webhooks/slack" && teamId) {
        const agent = await getAgentByName(env.WebhookAgent, teamId);
        return agent.fetch(request);
      }
    }
    return (await routeAgentRequest(request, env)) ?? new Response("Not found", { status: 404 });
  }
};
