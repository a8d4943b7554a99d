import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { connect, connectExtended, logged, type TestConnection } from "../test/kit";

let names = 0;
async function open(documented = false) {
  const stub = env.Runner.get(env.Runner.idFromName(`stopping-${names++}`));
  const connection = documented ? await connect(stub) : await connectExtended(stub);
  if (documented) await connection.settled();
  /** Waits until the method has written this line. */
  const logged = (line: string) => vi.waitFor(async () => expect(await stub.history()).toContain(line));
  const errors = () => runInDurableObject(stub, (agent) => agent.errors);
  return { stub, connection, logged, errors, log: () => stub.history() };
}
const call = (connection: TestConnection, method: string, args: unknown[] = [], more: object = {}) =>
  connection.send({ type: "rpc", id: "x", method, args, ...more });
const cancel = (connection: TestConnection, id = "x") => connection.send({ type: "cf_agent_rpc_cancel", id });
const grant = (connection: TestConnection, credit: number) =>
  connection.send({ type: "cf_agent_rpc_credit", id: "x", credit });
const chunk = (result: unknown) => ({ type: "rpc", id: "x", success: true, result, done: false });
const done = { type: "rpc", id: "x", success: true, done: true };
const cancelled = { type: "rpc", id: "x", success: false, error: "The call was cancelled", code: "CALL_CANCELLED" };

describe("[M6] a call that is cancelled", () => {
  it.each([
    ["wait", [], "aborted: CALL_CANCELLED"],
    ["waitAndThrow", [], "aborted: CALL_CANCELLED"],
    ["stream", [chunk(1)], "open: false, closed: true"]
  ])("(%s) is answered once, and its signal is aborted", async (method, before, last) => {
    const { connection, logged, errors } = await open();
    call(connection, method);
    await logged("waits");
    cancel(connection);
    cancel(connection);
    expect(await connection.settled()).toEqual([...before, cancelled]);
    await logged(last);
    expect([await connection.settled(), await errors()]).toEqual([[], []]);
  });

  it("though its method cannot stop is answered once, and the error goes to onError", async () => {
    const { connection, logged, errors } = await open();
    call(connection, "waitAndFail");
    await logged("waits");
    cancel(connection);
    await vi.waitFor(async () => expect(await errors()).toEqual(["Error: cannot stop"]));
    expect(await connection.settled()).toEqual([cancelled]);
  });

  it.each(["look", "detached"])("(%s) is seen to be so by who looks at the signal later", async (method) => {
    const { stub, connection, logged } = await open();
    call(connection, method);
    await logged("waits");
    cancel(connection);
    expect(await connection.settled()).toEqual([cancelled]);
    await stub.release();
    await logged(method === "look" ? "aborted: true" : "detached: true");
    expect(await connection.settled()).toEqual([]);
  });

  it("leaves the others alone", async () => {
    const { stub, connection, logged } = await open();
    connection.send({ type: "rpc", id: "other", method: "detached", args: [] });
    call(connection, "wait");
    await logged("waits");
    cancel(connection);
    cancel(connection, "unknown");
    expect(await connection.settled()).toEqual([cancelled]);
    await stub.release();
    expect(await connection.nextFrame()).toMatchObject({ id: "other", result: "done" });
  });

  it("is that of the connection that cancels", async () => {
    const { stub, connection, logged, log } = await open();
    const other = await connectExtended(stub);
    call(connection, "wait");
    await logged("waits");
    cancel(other);
    expect([await other.settled(), await connection.settled(), await log()]).toEqual([[], [], ["waits"]]);
  });

  it("after its answer is none", async () => {
    const { connection } = await open();
    call(connection, "readable", [1, true]);
    expect(await connection.settled()).toEqual([chunk(1), done]);
    cancel(connection);
    expect(await connection.settled()).toEqual([]);
  });

  it("has a signal, and what is no call of a client has none", async () => {
    const { stub, connection, logged } = await open();
    call(connection, "wait");
    await logged("waits");
    expect(await stub.hasSignal()).toBe(false);
  });
});

describe("[M7] a connection that closes", () => {
  it("aborts its calls, which is no error", async () => {
    const { connection, logged, errors, log } = await open();
    call(connection, "wait");
    connection.send({ type: "rpc", id: "y", method: "stream", args: [] });
    await vi.waitFor(async () => expect((await log()).length).toBe(2));
    connection.close();
    await logged("open: false, closed: true");
    expect((await log()).filter((line) => line === "aborted: CONNECTION_CLOSED").length).toBe(2);
    expect(await errors()).toEqual([]);
  });

  it("because its agent closes it aborts its calls", async () => {
    const { stub, connection, logged } = await open();
    call(connection, "wait");
    await logged("waits");
    await runInDurableObject(stub, (agent) => {
      for (const each of agent.getConnections()) each.close(4000, "out");
    });
    await logged("aborted: CONNECTION_CLOSED");
    expect(await connection.closed).toEqual({ code: 4000, reason: "out" });
  });

  it("leaves a detached method to its end", async () => {
    const { stub, connection, logged, errors } = await open();
    call(connection, "detached");
    await logged("waits");
    connection.close();
    await connection.closed;
    await stub.release();
    await logged("detached: false");
    expect(await errors()).toEqual([]);
  });

  it("aborts the calls of documented clients, too", async () => {
    const { connection, logged, errors } = await open(true);
    call(connection, "wait");
    await logged("waits");
    connection.close();
    await logged("aborted: CONNECTION_CLOSED");
    expect(await errors()).toEqual([]);
  });
});

describe("[M8] a reader", () => {
  it.each(["paced", "generated", "readable"])(
    "that grants nothing stops %s at its credit, and grants go on",
    async (method) => {
      const { connection, log } = await open();
      call(connection, method, [6, true], { credit: 2 });
      expect(await connection.settled()).toEqual([chunk(1), chunk(2)]);
      expect((await log()).length).toBe(2);
      grant(connection, 3);
      expect(await connection.settled()).toEqual([3, 4, 5].map(chunk));
      expect((await log()).length).toBe(5);
      grant(connection, 10);
      const end = method === "paced" ? { ...done, result: "fin" } : done;
      expect(await connection.settled()).toEqual([chunk(6), end]);
    }
  );

  it.each([
    ["cancels", "paced", "stopped"],
    ["cancels", "generated", "closed"],
    ["cancels", "readable", "closed"],
    ["closes", "paced", "stopped"],
    ["closes", "generated", "closed"],
    ["closes", "readable", "closed"]
  ])("that %s lets %s, which waits for credit, go on to its end", async (what, method, last) => {
    const { connection, logged, errors, log } = await open();
    call(connection, method, [6, true], { credit: 1 });
    expect(await connection.settled()).toEqual([chunk(1)]);
    if (what === "cancels") cancel(connection);
    else connection.close();
    await logged(last);
    expect([await errors(), (await log()).length]).toEqual([[], 2]);
  });

  it("that grants before it is asked to is not forgotten, and nothing is granted to a call that is over", async () => {
    const { connection } = await open();
    call(connection, "paced", [3], { credit: 1 });
    grant(connection, 0);
    grant(connection, 1);
    grant(connection, 1);
    grant(connection, 1);
    expect(await connection.settled()).toEqual([chunk(1), chunk(2), chunk(3), { ...done, result: "fin" }]);
    grant(connection, 1);
    expect(await connection.settled()).toEqual([]);
  });

  it("that asks for a stream can take one value, whatever it says", async () => {
    const { connection } = await open();
    call(connection, "paced", [3], { credit: 0 });
    for (const n of [1, 2, 3]) {
      expect(await connection.settled()).toEqual([chunk(n)]);
      grant(connection, 1);
    }
    expect(await connection.settled()).toEqual([{ ...done, result: "fin" }]);
  });

  it.each([
    ["says nothing of credit", {}, false],
    ["is documented, whatever it says", { credit: 1 }, true]
  ])("that %s is sent everything", async (_name, more, documented) => {
    const { connection } = await open(documented);
    call(connection, "paced", [3], more);
    expect(await connection.settled()).toEqual([chunk(1), chunk(2), chunk(3), { ...done, result: "fin" }]);
  });
});

describe("[M9] a streaming method", () => {
  it.each([
    ["generated", [3], [chunk(1), chunk(2), chunk(3), done], ["makes 1", "makes 2", "makes 3", "closed"]],
    ["generated", [0], [done], ["closed"]],
    ["readable", [2, true], [chunk(1), chunk(2), done], ["makes 1", "makes 2"]],
    ["generatedThenThrows", [], [chunk(1), { type: "rpc", id: "x", success: false, error: "mid" }], []],
    [
      "unsendable",
      [],
      [{ type: "rpc", id: "x", success: false, error: expect.stringContaining("BigInt") }],
      ["closed"]
    ],
    [
      "unsendableStream",
      [],
      [{ type: "rpc", id: "x", success: false, error: expect.stringContaining("BigInt") }],
      ["closed"]
    ]
  ])(
    "that returns its values (%s %j) sends them, and ends once, for all clients",
    async (method, args, expected, lines) => {
      for (const documented of [false, true]) {
        const { connection, log } = await open(documented);
        call(connection, method, args);
        expect([await connection.settled(), await log()]).toEqual([expected, lines]);
      }
    }
  );

  it.each(["cancels", "closes"])(
    "whose stream waits for its source is told at once when the reader %s",
    async (what) => {
      const { connection, logged, log } = await open();
      call(connection, "readable", [1, false]);
      expect(await connection.settled()).toEqual([chunk(1)]);
      if (what === "cancels") cancel(connection);
      else connection.close();
      await logged("closed");
      expect(await log()).toEqual(["makes 1", "closed"]);
    }
  );
});

describe("[M10] the code of an error", () => {
  const board = async (documented: boolean) => {
    const stub = env.Board.get(env.Board.idFromName(`codes-${names++}`));
    return documented ? connect(stub, "readonly") : connectExtended(stub, "readonly");
  };
  it.each<[string, unknown[], string | undefined]>([
    ["fail", ["CALL_TIMEOUT"], "CALL_TIMEOUT"],
    ["fail", [], undefined],
    ["query", [], "SQL_FAILED"],
    ["put", [{ n: 1 }], "CONNECTION_READONLY"],
    ["missing", [], undefined]
  ])("of %s(%j) is %s, and a documented client sees none", async (method, args, code) => {
    const [extended, documented] = [await board(false), await board(true)];
    const answers: Record<string, unknown>[] = [];
    await logged(async () => {
      for (const connection of [extended, documented]) answers.push(await connection.call(method, ...args));
    });
    const [answer, plain] = answers;
    expect([answer?.success, answer?.code]).toEqual([false, code]);
    expect(Object.keys(plain!)).toEqual(["type", "id", "success", "error"]);
    if (method !== "query") expect(plain!.error).toBe(answer!.error);
    else expect(answer!.error).toMatch(/^Internal error \(reference [\da-f-]{36}\)$/);
  });
});
