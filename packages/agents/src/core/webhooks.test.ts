import { createHmac } from "node:crypto";
import { env } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { connect } from "../test/kit";
import { webhookWorker } from "../test/webhook-agents";

// What the page "Webhooks" shows, as it shows it.

const signatureOf = (body: string) => `sha256=${createHmac("sha256", "secret").update(body).digest("hex")}`;

function send(path: string, payload: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify(payload);
  const signed = { "X-Hub-Signature-256": signatureOf(body), ...headers };
  return webhookWorker.fetch(new Request(`http://test${path}`, { method: "POST", body, headers: signed }), env);
}
const agent = (name: string) => env.WebhookAgent.getByName(name);
const typesOf = async (name: string) => (await agent(name).getEvents()).map(({ type }) => type);

describe("a webhook", () => {
  // proves guide-webhooks#quick-start, guide-webhooks#onRequest, guide-webhooks#from-url, guide-webhooks#stored
  it("with a good signature is processed and stored", async () => {
    expect((await send("/webhooks/stripe/cus_1", { id: "1", type: "invoice.paid" })).status).toBe(200);
    expect(await agent("cus_1").getEvents()).toEqual([
      { id: "1", type: "invoice.paid", payload: expect.stringContaining("invoice.paid"), timestamp: expect.any(String) }
    ]);
  });

  // proves guide-webhooks#quick-start, guide-webhooks#verified
  it.each<Record<string, string>>([{}, { "X-Hub-Signature-256": "" }, { "X-Hub-Signature-256": "sha256=00" }])(
    "with %j instead of its signature is refused",
    async (headers) => {
      const body = JSON.stringify({ type: "invoice.paid" });
      const request = new Request("http://test/webhooks/stripe/cus_forged", { method: "POST", body, headers });
      expect((await webhookWorker.fetch(request, env)).status).toBe(401);
      expect(await typesOf("cus_forged")).toEqual([]);
    }
  );

  // proves guide-webhooks#method
  it("has to be a POST", async () => {
    expect((await agent("get").fetch("http://test/")).status).toBe(405);
  });

  // proves guide-webhooks#from-payload, guide-webhooks#from-payload-missing, guide-webhooks#from-header, guide-webhooks#isolated
  // proves guide-webhooks#providers
  it("goes to the agent that its payload or its header names", async () => {
    await send("/webhooks/github", { type: "push", repository: { full_name: "Octo/Hello" } });
    await send("/webhooks/slack", { type: "message" }, { "X-Slack-Team-Id": "T1" });
    expect([await typesOf("octo-hello"), await typesOf("T1"), await typesOf("other")]).toEqual([
      ["push"],
      ["message"],
      []
    ]);
    expect((await send("/webhooks/github", { type: "push" })).status).toBe(400);
    expect((await send("/webhooks/other", { type: "push" })).status).toBe(404);
  });

  // proves guide-webhooks#live
  it("is seen by clients as it arrives", async () => {
    const connection = await connect(agent("watched"));
    await connection.settled();
    await send("/webhooks/stripe/watched", { type: "charge" });
    expect(await connection.next("cf_agent_state")).toMatchObject({ state: { lastEventType: "charge" } });
  });

  // proves guide-webhooks#deduplicated
  it("that comes again is not processed again", async () => {
    for (let n = 0; n < 2; n++) await send("/webhooks/stripe/twice", { id: "evt_1", type: "charge" });
    await send("/webhooks/stripe/twice", { id: "evt_2", type: "refund" });
    const connection = await connect(agent("twice"));
    expect(await connection.next("cf_agent_state")).toMatchObject({ state: { processed: 2 } });
  });

  // proves guide-webhooks#queued
  it("is answered at once when its work is queued", async () => {
    const connection = await connect(agent("slow"));
    await connection.settled();
    expect((await send("/webhooks/stripe/slow", { type: "big", slow: true })).status).toBe(202);
    expect(await connection.next("cf_agent_state")).toMatchObject({ state: { lastEventType: "big" } });
    expect(await typesOf("slow")).toEqual(["big"]);
  });

  // proves guide-webhooks#clean-up, guide-webhooks#queried
  it("of a hundred is kept, and can be asked for", async () => {
    for (let n = 0; n < 102; n++) await send("/webhooks/stripe/many", { id: `e${n}`, type: n % 2 ? "odd" : "even" });
    const connection = await connect(agent("many"));
    const [all, odd] = [await connection.call("getEvents", 1_000), await connection.call("getEventsByType", "odd", 5)];
    expect(all.result).toHaveLength(100);
    expect(odd.result).toEqual(Array.from({ length: 5 }, () => expect.objectContaining({ type: "odd" })));
  });
});

// proves guide-webhooks#outgoing
it("an agent can send a webhook that its receiver can verify", async () => {
  const sent: [signature: string | null, body: string][] = [];
  const fetching = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as string, init as RequestInit);
    sent.push([request.headers.get("X-Signature"), await request.text()]);
    return new Response();
  });
  await agent("sender").sendSignedWebhook("https://receiver.example/hook", { type: "done" });
  fetching.mockRestore();
  const body = JSON.stringify({ type: "done" });
  expect(sent).toEqual([[signatureOf(body), body]]);
});
