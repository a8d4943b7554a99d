import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, connectExtended, costOf, evict } from "./test/kit";

// What protocol.md allows each operation: statements are calls of `sql.exec`, of key-value storage and of the alarm.

const recorder = (name: string) => env.Recorder.get(env.Recorder.idFromName(`cost-${name}`));
const writes = (statements: readonly string[]) =>
  statements.filter((statement) => !/^(SELECT|kv\.get|getAlarm)/.test(statement));
/** `costOf` looks into the instance, which wakes it. */
const costOfWake = (stub: DurableObjectStub, run: () => unknown) =>
  costOf(stub, async () => {
    await evict(stub);
    await run();
  });

describe("[C18] the cost", () => {
  it("of a new agent's first connection, with a state, is 4 statements", async () => {
    const stub = recorder("new");
    const { statements } = await costOf(stub, async () => (await connect(stub)).settled(), recorder("spy"));
    expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(4);
    expect(statements.filter((statement) => statement.includes("INSERT INTO cf_agents_state")).length).toBe(1);
  });

  it("of what the extensions add is nothing: to a first connection, to one to a live agent, to a call, a stream and a ping", async () => {
    const stub = recorder("extended");
    const first = await costOf(stub, async () => (await connect(stub, "_agents_ext=1")).settled(), recorder("spy"));
    expect(first.statements.length, first.statements.join("\n")).toBeLessThanOrEqual(4);
    const { statements } = await costOf(stub, async () => {
      const connection = await connectExtended(stub);
      connection.send({ type: "cf_agent_state_pull" });
      connection.send('{"type":"cf_agent_ping"}');
      connection.send({ type: "rpc", id: "1", method: "count", args: [10], credit: 100 });
      connection.send({ type: "cf_agent_rpc_cancel", id: "1" });
      connection.send({ type: "cf_agent_state", state: { n: -1 }, writeId: "w" });
      await connection.settled();
      connection.close();
      await connection.closed;
    });
    expect(statements).toEqual([]);
  });

  it("of a new agent without a state is 2 reads and no write", async () => {
    const stub = env.Blank.get(env.Blank.idFromName("cost-blank"));
    const { statements } = await costOf(stub, async () => (await connect(stub)).settled(), recorder("spy"));
    expect([statements.length <= 2, writes(statements)], statements.join("\n")).toEqual([true, []]);
  });

  it("of a wake is 1 read and no write", async () => {
    const stub = recorder("wake");
    await stub.setState({ n: 1 });
    const { statements } = await costOfWake(stub, () => stub.tripledText("a"));
    expect(statements).toEqual(["SELECT row FROM cf_agents_meta"]);
  });

  it("of a wake that never stored anything is nothing", async () => {
    const stub = recorder("wake-empty");
    await stub.tripledText("a");
    const { statements } = await costOfWake(stub, () => stub.tripledText("a"));
    expect(statements).toEqual([]);
  });

  // proves agent-class-internals#state-lazy
  it("of a wake that shows the state is 2 reads and no write", async () => {
    const stub = recorder("wake-state");
    await stub.setState({ n: 1 });
    const { statements, rowsRead } = await costOfWake(stub, async () => (await connect(stub)).settled());
    expect([statements.length, writes(statements), rowsRead]).toEqual([2, [], 2]);
  });

  it("of a connection to a live agent, and of its end, is nothing", async () => {
    const stub = recorder("connect");
    await (await connect(stub)).settled();
    const { statements } = await costOf(stub, async () => {
      const connection = await connect(stub, "tag=a");
      await connection.settled();
      connection.close();
      await connection.closed;
    });
    expect(statements).toEqual([]);
  });

  it("of a call, of a stream and of a message is nothing", async () => {
    const stub = recorder("call");
    const connection = await connect(stub);
    const { statements } = await costOf(stub, async () => {
      await connection.call("add", 1, 2);
      await connection.call("count", 10);
      await connection.call("mark", { a: 1 });
      connection.send("hello");
      await connection.settled();
      await stub.plain();
    });
    expect(statements).toEqual([]);
  });

  it.each(["by a client", "by a client that is answered", "by a call", "by a stub"])(
    "of setState %s is 1 statement that writes 1 row",
    async (by) => {
      const stub = recorder(by);
      const connection = await connectExtended(stub);
      const cost = await costOf(stub, async () => {
        if (by.startsWith("by a client"))
          connection.send({ type: "cf_agent_state", state: { n: 5 }, ...(by !== "by a client" && { writeId: "w" }) });
        else if (by === "by a call") await connection.call("set", 5);
        else await stub.setState({ n: 5 });
        await connection.settled();
      });
      expect([cost.statements.length, cost.rowsWritten], cost.statements.join("\n")).toEqual([1, 1]);
      expect(await stub.plain()).toBe(5);
    }
  );

  it("of a first wake that is asked for is a row and an alarm; of the same again it is nothing", async () => {
    const stub = env.Starter.get(env.Starter.idFromName("cost-alarm"));
    const atMs = Date.now() + 3_600_000;
    await stub.history();
    const first = await costOf(stub, () => stub.ringAt(atMs));
    const again = await costOf(stub, () => stub.ringAt(atMs));
    expect([first.statements, again.statements]).toEqual([
      [expect.stringContaining("INTO cf_agents_meta"), "setAlarm"],
      []
    ]);
  });
});
