// On a runtime of its own: what a test runner loads belongs to a request, and scopes are not shared then.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { AgentClient } from "../client/agent-client";
import { realAgent } from "../client/real-agent.node";

let agent: Awaited<ReturnType<typeof realAgent>>;
beforeAll(async () => {
  agent = await realAgent({
    worker: `
      import { routeAgentRequest } from "./index";
      export { Hasty, HastyAwake, HastyWatched, HastyWrapped } from "./test/scope-agents";
      // As if garbage were collected all the time: a socket that is closed has gone for whoever does not hold on to it.
      globalThis.WeakRef = class {
        #value;
        constructor(value) { this.#value = value; }
        deref() {
          const isClosed = this.#value instanceof WebSocket && this.#value.readyState !== WebSocket.OPEN;
          return isClosed ? undefined : this.#value;
        }
      };
      export default { fetch: (request, env) => routeAgentRequest(request, env) };`,
    classNames: ["Hasty", "HastyAwake", "HastyWatched", "HastyWrapped"],
    folder: fileURLToPath(new URL("..", import.meta.url))
  });
}, 30_000);
afterAll(() => agent.stop());

let names = 0;
const freshName = () => `scope-${names++}`;

function open(name: string, id: string, className = "Hasty"): AgentClient {
  const client = new AgentClient({ agent: className, name, id, host: agent.host });
  onTestFinished(() => client.close());
  return client;
}

interface Found {
  after: string;
  agent?: string;
  connection?: string;
  signal: string;
}

const calls = 3;

/** Calls share a scope when their method is known to be over when it returns: after the first of all. */
async function learn(client: AgentClient): Promise<void> {
  await client.call("leave", ["before"]);
  await client.call("release");
}

// proves get-current-agent#custom-methods
describe("[C17] calls that are over when they return", () => {
  it.each(["Hasty", "HastyAwake"])(
    "leave work behind that knows agent and connection, and has no signal of another call: %s",
    async (className) => {
      const name = freshName();
      const [a, b] = [open(name, "a", className), open(name, "b", className)];
      await learn(a);
      const expected: Found[] = [];
      for (let call = 0; call < calls; call++) {
        for (const [id, client] of Object.entries({ a, b })) {
          const after = `${id}${call}`;
          const found = { after, agent: name, connection: id };
          expect(await client.call<Found>("leave", [after])).toEqual({ ...found, signal: "open" });
          expected.push({ ...found, signal: "none" });
        }
      }
      expect(await open(name, "c", className).call<Found[]>("release")).toEqual(expected);
    }
  );

  it("leave work behind that knows its connection when that is closed", async () => {
    const name = freshName();
    const [client, observer] = [open(name, "a"), open(name, "b")];
    await learn(client);
    for (let call = 0; call < calls; call++) await client.call("leave", ["closed"]);
    client.close();
    await observer.call("closed");
    const found = await observer.call<Found[]>("release");
    expect(found.map(({ agent, connection }) => [agent, connection])).toEqual(Array(calls).fill([name, "a"]));
  });

  it("tell what they throw to their caller, and leave the others as they were", async () => {
    const name = freshName();
    const [client, observer] = [open(name, "a"), open(name, "b")];
    await learn(client);
    await client.call("leave", ["first"]);
    for (const fails of [false, true, false, true]) {
      const result = client.call("mayFail", [fails]);
      if (fails) await expect(result).rejects.toThrow("failed for a");
      else expect(await result).toBe("done for a");
    }
    await client.call("leave", ["second"]);
    const found = await observer.call<Found[]>("release");
    expect(found.map(({ after, signal }) => [after, signal])).toEqual([
      ["first", "none"],
      ["second", "none"]
    ]);
  });

  it("keep apart from one that takes longer, which has its own signal", async () => {
    const name = freshName();
    const [client, observer] = [open(name, "a"), open(name, "b")];
    for (const after of ["first", "second"]) await client.call("sometimes", [after]);
    const stop = new AbortController();
    const cancelled = client.call("sometimes", ["cancelled", true], { signal: stop.signal });
    const goesOn = client.call<Found>("sometimes", ["goes on", true]);
    for (const after of ["third", "fourth"]) await client.call("sometimes", [after]);
    for (let call = 0; call < calls; call++) await client.call("ambient");
    stop.abort();
    await expect(cancelled).rejects.toThrow();
    const found = await observer.call<Found[]>("release");
    expect(found.map(({ after, connection, signal }) => [after, connection, signal])).toEqual([
      ["first", "a", "open"],
      // It shared the scope that the first one that took longer has taken with it.
      ["second", "a", "aborted"],
      ["cancelled", "a", "aborted"],
      // From here on, calls of this method have scopes of their own.
      ["goes on", "a", "open"],
      ["third", "a", "open"],
      ["fourth", "a", "open"]
    ]);
    expect(await goesOn).toMatchObject({ agent: name, signal: "open" });
  });

  it.each([
    ["nothing, where there is nothing", "Hasty", "nothing"],
    ["nothing, in memory", "HastyAwake", "nothing"],
    ["what a program that handles messages by itself has set", "HastyWrapped", "mine"],
    ["what a tool has set that watches them", "HastyWatched", "mine"]
  ])("see of other contexts what every call sees: %s", async (_name, className, expected) => {
    const client = open(freshName(), "a", className);
    for (let call = 0; call < calls; call++) expect(await client.call("ambient")).toBe(expected);
  });
});
