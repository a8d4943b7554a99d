import assert from "node:assert/strict";
import type { Scenario } from "../harness/scenario.ts";

export const connection: Scenario[] = [
  {
    name: "the id that a client chooses is the connection's, also after it was lost",
    async run(pair) {
      const session = pair.session({ id: `chosen-${pair.unique()}` });
      const { id } = await session.call("connected");
      assert.equal(id, session.client.id);
      await session.call("closeMe", [1012, "restart"]).catch(() => {});
      await session.opens.reaches(2);
      assert.equal((await session.call("connected")).id, id);
    }
  },
  {
    name: "a query reaches the agent, without what is null or undefined",
    async run(pair) {
      const query = { token: "a b&c=ü", version: "2", empty: "", no: null, none: undefined };
      const session = pair.session({ query });
      const { state } = await session.call("connected");
      const { _pk, _agents_ext, ...rest } = state.query;
      assert.equal(_pk, session.client.id);
      if (pair.direction === "their client, our server") assert.equal(_agents_ext, undefined);
      assert.deepEqual(rest, { token: "a b&c=ü", version: "2", empty: "" });
    }
  },
  {
    name: "after the agent has closed the connection, the client comes back and has the newest state",
    async run(pair) {
      const session = pair.session();
      const other = pair.session({ name: session.name });
      await Promise.all([session.states.first(), other.states.first()]);
      await session.call("closeMe", [1012, "restart"]).catch(() => {});
      assert.equal((await session.closes.first()).code, 1012);
      other.client.setState({ n: 4 });
      await session.opens.reaches(2);
      await session.sees({ n: 4 });
      await session.identities.reaches(2);
    }
  },
  {
    name: "messages that are sent while the server is away arrive when it is back, in order",
    async run(pair) {
      const session = pair.session();
      await session.settled();
      await pair.server.kill();
      await session.closes.first();
      for (let n = 0; n < 5; n++) session.client.send(String(n));
      await pair.server.run();
      assert.deepEqual(
        await session.messages.reaches(5),
        Array.from({ length: 5 }, (_, n) => `echo:${n}`)
      );
    }
  },
  {
    name: "a call that is made while the server is away is answered when it is back",
    absent: [
      {
        version: "0.8.7",
        direction: "their client, our server",
        reason: "this client rejects all calls whenever an attempt to connect fails, those that were never sent too"
      }
    ],
    async run(pair) {
      const session = pair.session();
      await session.settled();
      await pair.server.kill();
      await session.closes.first();
      const sum = session.call("add", [20, 1]);
      await session.closes.reaches(2);
      await pair.server.run();
      assert.equal(await sum, 21);
    }
  },
  {
    name: "a state that is set while the server is away is stored when it is back",
    async run(pair) {
      const session = pair.session();
      await session.settled();
      await pair.server.kill();
      await session.closes.first();
      session.client.setState({ n: 13 });
      await pair.server.run();
      await session.opens.reaches(2);
      await session.settled();
      const late = pair.session({ name: session.name });
      assert.deepEqual((await late.states.first()).state, { n: 13 });
    }
  },
  {
    name: "state and rows are there after the server was killed",
    async run(pair) {
      const session = pair.session();
      await session.states.first();
      await session.call("set", [{ n: 11 }]);
      await session.call("store", ["a note"]);
      await pair.server.kill();
      await session.closes.first();
      await pair.server.run();
      await session.opens.reaches(2);
      const late = pair.session({ name: session.name });
      assert.deepEqual((await late.states.first()).state, { n: 11 });
      assert.deepEqual(await session.call("stored"), ["a note"]);
      assert.equal((await session.call("connected")).name, session.name);
    }
  },
  {
    name: "a client that closes is gone from the agent, and stays away",
    async run(pair) {
      const watcher = pair.session();
      const session = pair.session({ name: watcher.name });
      await Promise.all([session.settled(), watcher.settled()]);
      assert.equal((await watcher.call("connected")).count, 2);
      session.client.close(1000, "bye");
      assert.equal((await session.closes.first()).code, 1000);
      assert.equal((await watcher.call("connected")).count, 1);
      assert.equal(session.opens.items.length, 1);
    }
  },
  {
    name: "a close code of the application reaches the client as it is",
    async run(pair) {
      const session = pair.session();
      await session.settled();
      session.call("closeMe", [4321, "because"]).catch(() => {});
      assert.deepEqual(await session.closes.first(), { code: 4321, reason: "because" });
    }
  },
  {
    name: "a client that is kept out with 4001 does not come back by itself, but when it is told to",
    absent: [
      {
        version: "0.8.7",
        direction: "their client, our server",
        reason: "this client connects again whatever the code"
      }
    ],
    async run(pair) {
      const session = pair.session();
      await session.settled();
      session.call("closeMe", [4001, "not you"]).catch(() => {});
      assert.deepEqual(await session.closes.first(), { code: 4001, reason: "not you" });
      // Another client, which is not kept out, comes back meanwhile, again and again.
      const other = pair.session({ name: session.name });
      for (let times = 1; times <= 5; times++) {
        await other.settled();
        other.call("closeMe", [1012, "restart"]).catch(() => {});
        await other.opens.reaches(times + 1);
      }
      assert.equal(session.opens.items.length, 1);
      session.client.reconnect();
      await session.opens.reaches(2);
    }
  },
  {
    name: "`reconnect` makes a new connection with the same id",
    async run(pair) {
      const session = pair.session();
      const { id } = await session.call("connected");
      session.client.reconnect();
      await session.opens.reaches(2);
      const again = await session.call("connected");
      assert.equal(again.id, id);
      assert.equal(again.count, 1);
    }
  },
  {
    name: "a hundred connections, each with an id of its own",
    async run(pair) {
      const name = pair.unique();
      const sessions = Array.from({ length: 100 }, () => pair.session({ name }));
      const ids = await Promise.all(sessions.map(async (session) => (await session.call("connected")).id as string));
      assert.equal(new Set(ids).size, 100);
      assert.equal((await sessions[0]!.call("connected")).count, 100);
    }
  }
];
