import assert from "node:assert/strict";
import type { Scenario } from "../harness/scenario.ts";

export const calls: Scenario[] = [
  {
    name: "a method answers, also with nothing",
    async run(pair) {
      const session = pair.session();
      assert.equal(await session.call("add", [1, 2]), 3);
      assert.equal(await session.call("nothing"), undefined);
    }
  },
  {
    name: "arguments and results keep their kinds",
    async run(pair) {
      const values = [null, true, -1.5, '𝒢🦊 \u0000\u2028 "\\', [[], [1, [2]]], { a: { b: [null] } }, ""];
      assert.deepEqual(await pair.session().call("echo", values), values);
    }
  },
  {
    name: "a call of a megabyte is answered with as much",
    async run(pair) {
      const text = "ü".repeat(500_000);
      assert.deepEqual(await pair.session().call("echo", [text]), [text]);
    }
  },
  {
    name: "an unknown method: Method X does not exist",
    async run(pair) {
      await assert.rejects(pair.session().call("nope"), { message: "Method nope does not exist" });
    }
  },
  {
    name: "a method that is not for clients: Method X is not callable",
    async run(pair) {
      const session = pair.session();
      await assert.rejects(session.call("hidden"), { message: "Method hidden is not callable" });
      await assert.rejects(session.call("setState", [{ n: 1 }]), { message: "Method setState is not callable" });
    }
  },
  {
    name: "what a method throws rejects the call with its message",
    async run(pair) {
      const session = pair.session();
      await assert.rejects(session.call("boom"), { message: "boom!" });
      await assert.rejects(session.call("boomText"), { message: "Unknown error occurred" });
      assert.equal(await session.call("add", [1, 1]), 2);
    }
  },
  {
    name: "the stub calls methods by their names",
    async run(pair) {
      const { stub } = pair.session().client as unknown as {
        stub: Record<string, (...args: unknown[]) => Promise<unknown>>;
      };
      assert.equal(await stub.add!(2, 3), 5);
      await assert.rejects(stub.boom!(), { message: "boom!" });
    }
  },
  {
    name: "calls that run at once are answered each with its own result",
    async run(pair) {
      const session = pair.session();
      const waiting = session.call("wait");
      const sums = await Promise.all(Array.from({ length: 50 }, (_, n) => session.call("add", [n, n])));
      assert.deepEqual(
        sums,
        Array.from({ length: 50 }, (_, n) => 2 * n)
      );
      await session.call("open");
      assert.equal(await waiting, "opened");
    }
  },
  {
    name: "a stream's values arrive in order, then its end",
    async run(pair) {
      const told: unknown[] = [];
      const result = await pair.session().call("count", [3], {
        stream: {
          onChunk: (value: unknown) => told.push(value),
          onDone: (value: unknown) => told.push(["done", value])
        }
      });
      assert.deepEqual(told, [{ i: 0 }, { i: 1 }, { i: 2 }, ["done", "end"]]);
      assert.equal(result, "end");
    }
  },
  {
    name: "the older form of a stream's options",
    async run(pair) {
      const told: unknown[] = [];
      await pair.session().call("count", [2], {
        onChunk: (value: unknown) => told.push(value),
        onDone: (value: unknown) => told.push(value)
      });
      assert.deepEqual(told, [{ i: 0 }, { i: 1 }, "end"]);
    }
  },
  {
    name: "a thousand values of a stream",
    async run(pair) {
      const told: { i: number }[] = [];
      await pair.session().call("count", [1000], { stream: { onChunk: (value: { i: number }) => told.push(value) } });
      assert.deepEqual(
        told.map(({ i }) => i),
        Array.from({ length: 1000 }, (_, i) => i)
      );
    }
  },
  {
    name: "a stream that throws in the middle fails after its values",
    async run(pair) {
      const told: unknown[] = [];
      const stream = { onChunk: (value: unknown) => told.push(value), onError: (error: unknown) => told.push(error) };
      await assert.rejects(pair.session().call("countThenThrow", [], { stream }), { message: "in the middle" });
      assert.deepEqual(told, [1, "in the middle"]);
    }
  },
  {
    name: "a stream that ends with `stream.error` fails with its text",
    async run(pair) {
      const told: unknown[] = [];
      const stream = { onChunk: (value: unknown) => told.push(value), onError: (error: unknown) => told.push(error) };
      await assert.rejects(pair.session().call("countThenError", [], { stream }), { message: "no more" });
      assert.deepEqual(told, [1, "no more"]);
    }
  },
  {
    name: "a stream that waits shows its values as they come",
    async run(pair) {
      const session = pair.session();
      const told: unknown[] = [];
      let first = () => {};
      const came = new Promise<void>((resolve) => (first = resolve));
      const onChunk = (value: unknown) => {
        told.push(value);
        first();
      };
      const result = session.call("countSlowly", [], { stream: { onChunk } });
      await came;
      assert.deepEqual(told, [1]);
      await session.call("open");
      assert.equal(await result, undefined);
      assert.deepEqual(told, [1, 2]);
    }
  },
  {
    name: "a call that takes too long is given up, and its late answer harms nobody",
    async run(pair) {
      const session = pair.session();
      await session.settled();
      await assert.rejects(session.call("wait", [], { timeout: 50 }), /timed out after 50ms/);
      await session.call("open");
      assert.equal(await session.call("add", [1, 1]), 2);
    }
  },
  {
    name: "a call that is made before there is a connection waits for it",
    async run(pair) {
      const session = pair.session();
      assert.notEqual(session.client.readyState, 1);
      assert.equal(await session.call("add", [4, 5]), 9);
    }
  },
  {
    name: "closing rejects the calls that wait: Connection closed",
    async run(pair) {
      const session = pair.session();
      await session.settled();
      const waiting = assert.rejects(session.call("wait"), { message: "Connection closed" });
      session.client.close();
      await waiting;
    }
  },
  {
    name: "a connection that the agent closes rejects the calls that wait, and no others",
    async run(pair) {
      const session = pair.session();
      await session.settled();
      const waiting = assert.rejects(session.call("wait"), { message: "Connection closed" });
      const other = pair.session({ name: session.name });
      await other.settled();
      await other.call("closeAll", [1012]).catch(() => {});
      await waiting;
      assert.equal(await session.call("add", [1, 1]), 2);
    }
  }
];
