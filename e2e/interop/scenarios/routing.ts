import assert from "node:assert/strict";
import type { Scenario } from "../harness/scenario.ts";
import { versions } from "../harness/versions.ts";

export const routing: Scenario[] = [
  {
    name: "a class name with capitals in a row finds its agent",
    absent: versions.map((version) => ({
      version,
      direction: "our client, their server",
      reason: "our client asks for ai-assistant, as documented, and this server knows only a-i-assistant"
    })),
    async run(pair) {
      const session = pair.session({ agent: "AIAssistant" });
      assert.equal(await session.call("who"), session.name);
    }
  },
  {
    name: "a dash before every capital finds the agent",
    async run(pair) {
      const session = pair.session({ agent: "a-i-assistant" });
      assert.equal(await session.call("who"), session.name);
    }
  },
  {
    name: "kebab case names the same agent as the class",
    async run(pair) {
      const session = pair.session({ agent: "counter" });
      await session.call("set", [{ n: 8 }]);
      const same = pair.session({ name: session.name });
      assert.deepEqual((await same.states.first()).state, { n: 8 });
    }
  },
  {
    name: 'without a name it is the instance "default"',
    async run(pair) {
      // The type asks for a name; what happens without is the question.
      const session = pair.session({ name: undefined as unknown as string });
      assert.equal((await session.identities.first()).name, "default");
      assert.equal((await session.call("connected")).name, "default");
    }
  },
  {
    name: "names with signs that a URL may hold are the same for both",
    async run(pair) {
      const name = `${pair.unique()}:user@host.example,(a)*!$&'+;=~_-`;
      const session = pair.session({ name });
      assert.equal((await session.identities.first()).name, name);
      assert.equal((await session.call("connected")).name, name);
    }
  },
  {
    name: "names that have to be encoded reach one instance, by socket and by HTTP",
    async run(pair) {
      const name = `${pair.unique()} ü 漢🦊`;
      const session = pair.session({ name });
      await session.call("set", [{ n: 6 }]);
      const response = await pair.agentFetch({ agent: "Counter", name, host: pair.server.host });
      assert.deepEqual(((await response.json()) as { state: unknown }).state, { n: 6 });
    }
  },
  {
    name: "`basePath` reaches the instance that the server chooses, which says its name",
    async run(pair) {
      const place = pair.unique();
      const session = pair.session({ basePath: `rooms/${place}` });
      assert.equal((await session.identities.first()).name, `room-${place}`);
      assert.equal(session.client.name, `room-${place}`);
      assert.equal((await session.call("connected")).name, `room-${place}`);
    }
  },
  {
    name: "an agent that hides its identity works without",
    async run(pair) {
      const session = pair.session({ agent: "Hidden" });
      await session.states.first();
      assert.equal(await session.call("add", [1, 2]), 3);
      assert.equal(session.frames.items.includes("cf_agent_identity"), false);
      assert.equal(session.client.identified, false);
      assert.equal(session.client.name, session.name);
    }
  },
  {
    name: "agentFetch: method, header, body and query reach `onRequest`",
    async run(pair) {
      const name = pair.unique();
      const response = await pair.agentFetch(
        { agent: "Counter", name, host: pair.server.host, query: { q: "1 2" } },
        { method: "POST", headers: { "x-note": "hi" }, body: "körper" }
      );
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), {
        method: "POST",
        path: `/agents/counter/${name}`,
        query: { q: "1 2" },
        header: "hi",
        body: "körper",
        name,
        state: { n: 0 }
      });
    }
  },
  {
    name: "agentFetch: a path comes after the instance",
    async run(pair) {
      const name = pair.unique();
      const response = await pair.agentFetch({ agent: "Counter", name, host: pair.server.host, path: "notes/1" });
      const { path } = (await response.json()) as { path: string };
      assert.equal(path, `/agents/counter/${name}/notes/1`);
    }
  },
  {
    name: "agentFetch: an agent that does not exist is an invalid request",
    async run(pair) {
      const response = await pair.agentFetch({ agent: "Nobody", name: "x", host: pair.server.host });
      assert.equal(response.status, 400);
    }
  }
];
