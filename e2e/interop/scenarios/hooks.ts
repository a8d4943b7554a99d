import assert from "node:assert/strict";
import type { Scenario } from "../harness/scenario.ts";

/** `useAgent` and `useAgentChat`, in a browser. */
export const hooks: Scenario[] = [
  {
    name: "useAgent: identity, state and query",
    async run(pair) {
      const name = pair.unique();
      const page = await pair.page({ agent: "Counter", name });
      await page.until(() => window.events.some(({ type }) => type === "state"));
      const { state } = await page.call("connected");
      assert.equal(state.query.from, "a page");
      const events = await page.page.evaluate(() => window.events);
      assert.deepEqual(events.find(({ type }) => type === "identity")?.value, [name, "counter"]);
    }
  },
  {
    name: "useAgent: state both ways, and a refused one",
    async run(pair) {
      const page = await pair.page({ agent: "Counter", name: pair.unique() });
      await page.call("set", [{ n: 7 }]);
      await page.until(() =>
        window.events.some(({ value }) => JSON.stringify(value) === '{"state":{"n":7},"source":"server"}')
      );
      await page.page.evaluate(() => window.agent.setState({ n: -1 }));
      await page.until(() => window.events.some(({ value }) => value === "State update rejected"));
    }
  },
  {
    name: "useAgent: streams and errors of calls",
    async run(pair) {
      const page = await pair.page({ agent: "Counter", name: pair.unique() });
      const chunks = await page.page.evaluate(async () => {
        const told: unknown[] = [];
        await window.agent.call(
          "count" as never,
          [2] as never,
          { onChunk: (value: unknown) => told.push(value) } as never
        );
        return told;
      });
      assert.deepEqual(chunks, [{ i: 0 }, { i: 1 }]);
      await assert.rejects(page.call("boom"), /boom!/);
    }
  },
  {
    name: "useAgent: comes back after the server was killed",
    async run(pair) {
      const page = await pair.page({ agent: "Counter", name: pair.unique() });
      await page.call("set", [{ n: 12 }]);
      await pair.server.kill();
      await page.until(() => window.events.some(({ type }) => type === "close"));
      await pair.server.run();
      await page.until(() => window.events.filter(({ type }) => type === "open").length >= 2);
      // Some hooks connect twice, with a new query, and reject what is called meanwhile.
      await page.until(() => window.agent.call("add" as never, [1, 2] as never).then(Boolean, () => false));
      const state = await page.page.evaluate(() => window.events.findLast(({ type }) => type === "state")!.value);
      assert.deepEqual(state, { state: { n: 12 }, source: "server" });
    }
  }
];
