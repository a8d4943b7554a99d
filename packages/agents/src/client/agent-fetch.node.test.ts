import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { agentFetch } from ".";

/** A server that tells what it was asked. */
async function listening(): Promise<string> {
  const server = createServer((request, response) => {
    void seen(request).then((answer) => response.end(JSON.stringify(answer)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
async function seen(request: IncomingMessage) {
  const { method, url, headers } = request;
  return { method, url, type: headers["content-type"], body: await text(request) };
}

// proves client-sdk#agentFetch, client-sdk#agentFetch-get, agents-api#agentFetch
it("asks an agent once, without a connection", async () => {
  const response = await agentFetch({ agent: "DataAgent", name: "instance-1", host: await listening() });
  expect(await response.json()).toEqual({ method: "GET", url: "/agents/data-agent/instance-1", body: "" });
});

// proves client-sdk#agentFetch-post
it("sends method, headers and body, to a path of the agent, with a query that may be made for it", async () => {
  const response = await agentFetch(
    { agent: "DataAgent", host: await listening(), path: "jobs", query: async () => ({ token: "t" }) },
    {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ action: "process" })
    }
  );
  expect(await response.json()).toEqual({
    method: "POST",
    url: "/agents/data-agent/default/jobs?token=t",
    type: "application/json",
    body: '{"action":"process"}'
  });
});

it("can be sent by something else, for instance the binding of a service", async () => {
  const asked: string[] = [];
  const fetch = async (input: RequestInfo | URL) => (asked.push(String(input)), new Response("from the service"));
  const response = await agentFetch({
    agent: "DataAgent",
    host: "example.com",
    fetch: fetch as typeof globalThis.fetch
  });
  expect([await response.text(), asked]).toEqual([
    "from the service",
    ["https://example.com/agents/data-agent/default"]
  ]);
});
