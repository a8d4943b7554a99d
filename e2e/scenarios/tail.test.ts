import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle, workerOptions } from "../harness/bundle.ts";
import { Workerd } from "../harness/workerd.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** As on the page "Observability"; what it gets, it hands to this test. */
const tail = `export default {
  async tail(events, env) {
    for (const event of events) {
      for (const msg of event.diagnosticsChannelEvents) {
        await env.TEST.fetch("http://test/", { method: "POST", body: JSON.stringify(msg) });
      }
    }
  }
};`;

interface Published {
  timestamp: number;
  channel: string;
  message: { type: string; agent: string; name: string; payload: object; timestamp: number };
}

// proves observability#tail-workers
test("a Tail Worker gets the events of agents, which nobody has to listen to", { timeout: 60_000 }, async (context) => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const published = new Promise<Published>((resolve) => {
    server.on("request", (request, response) => {
      request.setEncoding("utf8");
      request.on("data", (body: string) => resolve(JSON.parse(body) as Published));
      response.end();
    });
  });
  const workerd = new Workerd({
    classes: ["Watched"],
    test: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tail
  });
  context.after(async () => {
    await workerd.stop();
    server.close();
    server.closeAllConnections();
  });
  const contents = `
    import { Agent, routeAgentRequest } from "agents";
    export class Watched extends Agent {
      onRequest() {
        this.setState({ seen: true });
        return new Response("ok");
      }
    }
    export default { fetch: (request, env) => routeAgentRequest(request, env) };`;
  await workerd.run(
    await bundle({
      ...workerOptions,
      stdin: { contents, resolveDir: here(".") },
      alias: { agents: here("../../packages/agents/dist/index.mjs") }
    })
  );
  assert.equal(await (await fetch(`${workerd.url}/agents/watched/one`)).text(), "ok");
  const { channel, message } = await published;
  assert.equal(channel, "agents:state");
  assert.deepEqual(message, {
    type: "state:update",
    agent: "Watched",
    name: "one",
    payload: {},
    timestamp: message.timestamp
  });
});
