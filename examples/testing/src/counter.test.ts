// src/counter.test.ts
import { env } from "cloudflare:workers";
import { getAgentByName } from "agents";
import { connect, cut, evict, introspect } from "agents/testing";
import { describe, expect, it } from "vitest";
import worker from "./server";

describe("a counter", () => {
  it("counts for its clients", async () => {
    const connection = await connect(await getAgentByName(env.Counter, "one"));
    expect(await connection.call("increment", 2)).toBe(2);
    await expect(connection.call("increment", 0)).rejects.toThrow("A counter goes up");
  });

  it("tells every client", async () => {
    const counter = await getAgentByName(env.Counter, "shared");
    const [ada, bob] = [await connect(counter), await connect(counter)];
    await bob.settled();
    await ada.call("increment");
    expect(await bob.nextFrame()).toMatchObject({ type: "cf_agent_state", state: { count: 1 } });
  });

  it("does not forget when it leaves memory", async () => {
    const counter = await getAgentByName(env.Counter, "evicted");
    const connection = await connect(counter);
    await connection.call("increment");
    await evict(counter);
    expect(await connection.call("increment")).toBe(2);
  });

  it("loses its clients, and nothing else, in a deploy", async () => {
    const counter = await getAgentByName(env.Counter, "deployed");
    const connection = await connect(counter);
    await connection.call("increment");
    await cut(counter);
    expect((await connection.closed).code).toBe(1006);
    const { connections, state } = await introspect(counter);
    expect([connections.total, state]).toEqual([0, { count: 1 }]);
  });

  it("answers requests", async () => {
    const response = await worker.fetch(new Request("http://example.com/agents/counter/asked"), env);
    expect(await response.json()).toEqual({ count: 0 });
  });
});
