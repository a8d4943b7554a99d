import assert from "node:assert/strict";
import type { Scenario } from "../harness/scenario.ts";

export const state: Scenario[] = [
  {
    name: "says who it is and what its state is on connect",
    async run(pair) {
      const { client, name, identities, states, frames } = pair.session();
      assert.deepEqual(await identities.first(), { name, agent: "counter" });
      assert.deepEqual(await states.first(), { state: { n: 0 }, source: "server" });
      await frames.first((type) => type === "cf_agent_mcp_servers");
      assert.equal(client.name, name);
      assert.equal(client.agent, "counter");
    }
  },
  {
    name: "resolves `ready` and sets `identified` when the identity has come",
    async run(pair) {
      const { client, identities } = pair.session();
      assert.equal(client.identified, false);
      await client.ready;
      assert.equal(client.identified, true);
      assert.equal(identities.items.length, 1);
    }
  },
  {
    name: "a client's state reaches the agent and other clients, and does not come back",
    async run(pair) {
      const writer = pair.session();
      const reader = pair.session({ name: writer.name });
      await Promise.all([writer.states.first(), reader.states.first()]);
      writer.client.setState({ n: 1, by: "a client" });
      await reader.sees({ n: 1, by: "a client" } as { n: number });
      await writer.settled();
      assert.deepEqual(
        writer.states.items.filter(({ state }) => (state as { n: number }).n === 1),
        [{ state: { n: 1, by: "a client" }, source: "client" }]
      );
      assert.equal(
        writer.frames.items.filter((type) => type === "cf_agent_state").length,
        initialStates(writer.frames.items)
      );
      const response = await pair.agentFetch({ agent: "Counter", name: writer.name, host: pair.server.host });
      assert.deepEqual(((await response.json()) as { state: unknown }).state, { n: 1, by: "a client" });
    }
  },
  {
    name: "a state that a method sets reaches everybody, and the caller before the result",
    async run(pair) {
      const caller = pair.session();
      const reader = pair.session({ name: caller.name });
      await Promise.all([caller.settled(), reader.settled()]);
      const before = caller.frames.items.length;
      assert.deepEqual(await caller.call("set", [{ n: 5 }]), { n: 5 });
      assert.deepEqual(caller.frames.items.slice(before), ["cf_agent_state", "rpc"]);
      assert.deepEqual(caller.states.items.at(-1), { state: { n: 5 }, source: "server" });
      await reader.sees({ n: 5 });
    }
  },
  {
    name: "the same state again is sent to the others again",
    async run(pair) {
      const writer = pair.session();
      const reader = pair.session({ name: writer.name });
      await Promise.all([writer.states.first(), reader.states.first()]);
      writer.client.setState({ n: 3 });
      writer.client.setState({ n: 3 });
      await reader.states.until(
        (states) => states.filter(({ state }) => (state as { n: number }).n === 3).length === 2
      );
    }
  },
  {
    name: "a state that `validateStateChange` rejects is refused, and nobody sees it",
    async run(pair) {
      const writer = pair.session();
      const reader = pair.session({ name: writer.name });
      await Promise.all([writer.states.first(), reader.states.first()]);
      writer.client.setState({ n: -1 });
      assert.equal(await writer.stateErrors.first(), "State update rejected");
      writer.client.setState({ n: 2 });
      await reader.sees({ n: 2 });
      assert.ok(reader.states.items.every(({ state }) => (state as { n: number }).n >= 0));
    }
  },
  {
    name: "a method that sets a rejected state fails, and the state stays",
    async run(pair) {
      const caller = pair.session();
      await caller.states.first();
      await assert.rejects(caller.call("set", [{ n: -1 }]), /n is negative/);
      const late = pair.session({ name: caller.name });
      assert.deepEqual((await late.states.first()).state, { n: 0 });
    }
  },
  {
    name: "a read-only connection sees the state, and may not write it",
    async run(pair) {
      const viewer = pair.session({ query: { role: "viewer" } });
      const editor = pair.session({ name: viewer.name });
      await Promise.all([viewer.states.first(), editor.states.first()]);
      viewer.client.setState({ n: 9 });
      assert.equal(await viewer.stateErrors.first(), "Connection is readonly");
      editor.client.setState({ n: 1 });
      await viewer.sees({ n: 1 });
      assert.ok(editor.states.items.every(({ state }) => (state as { n: number }).n !== 9));
    }
  },
  {
    name: "a read-only connection may call methods, unless they set the state",
    async run(pair) {
      const viewer = pair.session({ query: { role: "viewer" } });
      assert.equal(await viewer.call("add", [1, 2]), 3);
      await assert.rejects(viewer.call("set", [{ n: 9 }]), /^\w*Error: Connection is readonly$/);
      assert.equal((await viewer.call("connected")).readonly, true);
    }
  },
  {
    name: "a connection that becomes read-only, and writable again",
    async run(pair) {
      const { client, call, stateErrors } = bound(pair.session());
      await call("setReadonly", [true]);
      client.setState({ n: 1 });
      assert.equal(await stateErrors.first(), "Connection is readonly");
      await call("setReadonly", [false]);
      client.setState({ n: 2 });
      const late = pair.session({ name: client.name });
      await late.sees({ n: 2 });
    }
  },
  {
    name: "a state of a megabyte travels both ways",
    async run(pair) {
      const writer = pair.session();
      const reader = pair.session({ name: writer.name });
      await Promise.all([writer.states.first(), reader.states.first()]);
      const large = { n: 1, text: "0123456789abcdef".repeat(65_536) };
      writer.client.setState(large);
      await reader.sees(large);
      const late = pair.session({ name: writer.name });
      await late.sees(large);
    }
  },
  {
    name: "a state keeps every kind of JSON value and every kind of text",
    async run(pair) {
      const writer = pair.session();
      const reader = pair.session({ name: writer.name });
      await Promise.all([writer.states.first(), reader.states.first()]);
      const state = {
        n: 1,
        kinds: [null, true, -0.5, 1e21, "", [], {}],
        "kéy \u0000\u2028": '𝒢🦊\u0007"\\/',
        deep: [[[{ a: [1] }]]]
      };
      writer.client.setState(state);
      await reader.sees(state);
    }
  },
  {
    name: "many writes of two clients leave both with the agent's state",
    async run(pair) {
      const one = pair.session();
      const other = pair.session({ name: one.name });
      await Promise.all([one.states.first(), other.states.first()]);
      for (let n = 1; n <= 50; n++) one.client.setState({ n, by: "one" });
      await other.sees({ n: 50, by: "one" } as { n: number });
      for (let n = 51; n <= 100; n++) other.client.setState({ n, by: "other" });
      await one.sees({ n: 100, by: "other" } as { n: number });
      assert.deepEqual(
        other.states.items
          .filter(({ source, state }) => source === "server" && (state as { n: number }).n > 0)
          .map(({ state }) => (state as { n: number }).n),
        Array.from({ length: 50 }, (_, index) => index + 1)
      );
    }
  }
];

/** Some servers send the initial state twice to the first client. */
const initialStates = (frames: string[]): number => {
  const mcp = frames.indexOf("cf_agent_mcp_servers");
  return frames.slice(0, mcp).filter((type) => type === "cf_agent_state").length;
};

function bound<T extends { call: (...args: never[]) => unknown }>(session: T): T {
  session.call = session.call.bind(session);
  return session;
}
