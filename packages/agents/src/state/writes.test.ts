import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { connect, connectExtended, evict, type TestConnection } from "../test/kit";

let names = 0;
const board = () => env.Board.get(env.Board.idFromName(`writes-${names++}`));
const write = (connection: TestConnection, state: unknown, more: object = { writeId: "w" }) =>
  connection.send({ type: "cf_agent_state", state, ...more });
const ack = (revision: number, writeId = "w") => ({
  type: "cf_agent_state_ack",
  writeId,
  epoch: expect.any(String),
  revision
});
const reject = (code: string, revision: number, state: unknown, message = "State update rejected") => ({
  type: "cf_agent_state_reject",
  writeId: "w",
  code,
  message,
  epoch: expect.any(String),
  revision,
  state
});

async function open(query = "_pk=a", state: object | null = { n: 1 }) {
  const stub = board();
  if (state) await runInDurableObject(stub, (agent) => agent.setState({ ...state }));
  const [writer, other] = [await connectExtended(stub, query), await connectExtended(stub, "_pk=other")];
  return { stub, writer, other, stored: () => runInDurableObject(stub, (agent) => agent.state as unknown) };
}

describe("[S10] a client's write", () => {
  it("is acknowledged under its revision, and sent to the others under the same", async () => {
    const { writer, other } = await open();
    write(writer, { n: 2 });
    expect([await writer.settled(), await other.settled()]).toEqual([
      [ack(2)],
      [{ type: "cf_agent_state", epoch: expect.any(String), revision: 2, state: { n: 2 } }]
    ]);
  });

  it("is acknowledged as the first state of an agent, and after an eviction", async () => {
    const { stub, writer } = await open("_pk=a", null);
    for (const revision of [1, 2]) {
      write(writer, { revision });
      expect(await writer.settled()).toEqual([ack(revision)]);
      await evict(stub);
    }
  });

  it("that the agent changes again is acknowledged before that change is sent", async () => {
    const { writer, other } = await open();
    const filler = "x".repeat(2_000);
    write(writer, { filler, echo: true });
    const patch = { type: "cf_agent_state_patch", from: 2, to: 3 };
    expect(await writer.settled()).toMatchObject([ack(2), patch]);
    expect(await other.settled()).toMatchObject([{ type: "cf_agent_state", revision: 2 }, patch]);
  });

  it("without an id is answered by nothing, as ever, and is seen by the next revision", async () => {
    const { writer, other } = await open();
    write(writer, { n: 2 }, {});
    write(writer, { bad: true }, {});
    expect(await writer.settled()).toEqual([{ type: "cf_agent_state_error", error: "State update rejected" }]);
    write(other, { n: 3 });
    expect(await other.settled()).toMatchObject([{ revision: 2 }, ack(3)]);
    expect(await writer.settled()).toMatchObject([{ revision: 3, state: { n: 3 } }]);
  });

  it("of a documented client is answered by nothing, whatever it carries", async () => {
    const { stub } = await open();
    const documented = await connect(stub, "_pk=d");
    await documented.settled();
    write(documented, { n: 2 });
    write(documented, { n: 3 }, { writeId: "w", ifRevision: 7 });
    expect(await documented.settled()).toEqual([{ type: "cf_agent_state_error", error: "State update rejected" }]);
  });

  it.each([
    ["by the program's validation", { bad: true }, "STATE_REJECTED"],
    ["as too large", { text: "x".repeat(2_000_000) }, "STATE_TOO_LARGE"],
    ["by the program with a code that clients know", { code: "STATE_CONFLICT" }, "STATE_CONFLICT"],
    ["by the program with a code of something else", { code: "SQL_FAILED" }, "STATE_REJECTED"]
  ])("that is refused %s is told so with the state as it is", async (_name, state, code) => {
    const { stub, writer, other, stored } = await open();
    write(writer, state);
    expect([await writer.settled(), await other.settled()]).toEqual([[reject(code, 1, { n: 1 })], []]);
    expect(await stored()).toEqual({ n: 1 });
    await evict(stub);
    expect(await stored()).toEqual({ n: 1 });
  });

  it("of a read-only connection is refused with the state as it is, also when that wakes the agent", async () => {
    const { stub, writer, other, stored } = await open("readonly");
    await evict(stub);
    write(writer, { n: 2 });
    expect(await writer.settled()).toEqual([reject("CONNECTION_READONLY", 1, { n: 1 }, "Connection is readonly")]);
    expect([await other.settled(), await stored()]).toEqual([[], { n: 1 }]);
  });

  it("that is refused where there is no state is told of none", async () => {
    const { writer } = await open("_pk=a", null);
    write(writer, { bad: true });
    const { state: _, ...rest } = reject("STATE_REJECTED", 0, undefined);
    expect(await writer.settled()).toEqual([{ ...rest, epoch: "" }]);
  });

  it("that is refused is told of the stored state, whatever the program did to its own", async () => {
    const { writer } = await open();
    write(writer, { spoil: true, bad: true });
    expect(await writer.settled()).toEqual([reject("STATE_REJECTED", 1, { n: 1 })]);
  });

  it.each([
    ["as our clients write it", (state: object) => `{"type":"cf_agent_state","state":${JSON.stringify(state)}}`],
    ["with spaces", (state: object) => JSON.stringify({ type: "cf_agent_state", state }, undefined, 1)]
  ])("that its validation changes is stored, sent and remembered as it is then, %s", async (_name, write) => {
    const { stub, other, stored } = await open();
    const writer = await connect(stub, "_pk=documented");
    await writer.settled();
    writer.send(write({ n: 5, clamp: true }));
    const clamped = { n: 0, clamp: true };
    // The writer has to hear of it, and only of that: what is stored as it was sent is not sent back.
    expect(await writer.settled()).toEqual([{ type: "cf_agent_state", state: clamped }]);
    expect(await other.settled()).toMatchObject([{ revision: 2, state: clamped }]);
    writer.send(write({ n: 0, clamp: true }));
    writer.send(write({ text: "é\u2028\ud800", "1": 1, z: 0.1, a: -0, e: 1e21 }));
    expect(await writer.settled()).toEqual([]);
    expect(await stored()).toMatchObject({ text: "é\u2028\ud800" });
    await evict(stub);
    expect(await stored()).toMatchObject({ text: "é\u2028\ud800" });
  });

  it("that its validation changes is acknowledged, and then sent to its writer under the same revision", async () => {
    const { writer, other } = await open();
    write(writer, { n: 5, clamp: true });
    const changed = { type: "cf_agent_state", epoch: expect.any(String), revision: 2, state: { n: 0, clamp: true } };
    expect([await writer.settled(), await other.settled()]).toEqual([[ack(2), changed], [changed]]);
    write(writer, { n: 0, clamp: true });
    expect(await writer.settled()).toEqual([ack(3)]);
  });

  it("goes to onError when it is refused by an error, not when it is by a rule", async () => {
    const { stub, writer } = await open();
    write(writer, { bad: true });
    write(writer, { n: 2 }, { writeId: "w", ifRevision: 0 });
    await writer.settled();
    expect(await runInDurableObject(stub, (agent) => agent.errors)).toEqual(["Error: bad"]);
  });
});

describe("[S10] a client's write for a revision", () => {
  it("is stored if the state is there, and refused with the newer state if not", async () => {
    const { writer, other, stored } = await open();
    write(writer, { n: 2 }, { writeId: "w", ifRevision: 1 });
    write(writer, { n: 9 }, { writeId: "w", ifRevision: 1 });
    write(writer, { n: 9 }, { writeId: "w", ifRevision: 3 });
    const conflict = reject("STATE_CONFLICT", 2, { n: 2 });
    expect(await writer.settled()).toEqual([ack(2), conflict, conflict]);
    expect([(await other.settled()).length, await stored()]).toEqual([1, { n: 2 }]);
  });

  it("of two that want the same goes to the first", async () => {
    const { writer, other } = await open();
    for (const connection of [writer, other]) write(connection, { by: 1 }, { writeId: "w", ifRevision: 1 });
    const [won, lost] = [await writer.settled(), await other.settled()];
    const answers = [...won, ...lost].map((frame) => (frame as { type: string }).type).sort();
    expect(answers).toEqual(["cf_agent_state", "cf_agent_state_ack", "cf_agent_state_reject"]);
  });

  it("of another epoch is refused, though the number is the same", async () => {
    const { stub, writer, stored } = await open();
    write(writer, { n: 2 }, { writeId: "w", ifRevision: 1 });
    const [{ epoch }] = (await writer.settled()) as [{ epoch: string }];
    // An older release writes the row, and then there are as many changes as before.
    await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("INSERT OR REPLACE INTO cf_agents_state (id, state) VALUES ('cf_state_row_id', '{\"n\":7}')")
    );
    await evict(stub);
    for (const n of [8, 9]) await runInDurableObject(stub, (agent) => agent.setState({ n }));
    await writer.settled();
    write(writer, { n: 3 }, { writeId: "w", ifRevision: 2, ifEpoch: epoch });
    const [refused] = (await writer.settled()) as [{ epoch: string }];
    expect(refused).toEqual(reject("STATE_CONFLICT", 2, { n: 9 }));
    write(writer, { n: 3 }, { writeId: "w", ifRevision: 2, ifEpoch: refused.epoch });
    expect([await writer.settled(), await stored()]).toEqual([[ack(3)], { n: 3 }]);
  });

  it("of a row that an older release wrote is stored, also after an eviction, once", async () => {
    const { stub, writer } = await open();
    await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("UPDATE cf_agents_state SET epoch = NULL, revision = NULL")
    );
    await evict(stub);
    writer.send({ type: "cf_agent_state_pull" });
    const [{ epoch, revision }] = (await writer.settled()) as [{ epoch: string; revision: number }];
    await evict(stub);
    for (const n of [2, 3]) write(writer, { n }, { writeId: "w", ifRevision: revision, ifEpoch: epoch });
    expect([revision, await writer.settled()]).toEqual([0, [ack(1), reject("STATE_CONFLICT", 1, { n: 2 })]]);
  });

  it("for no state at all is refused where there is one, whatever its revision", async () => {
    const { writer } = await open("_pk=a", null);
    write(writer, { n: 1 }, { writeId: "w", ifRevision: 0, ifEpoch: "" });
    write(writer, { n: 2 }, { writeId: "w", ifRevision: 1, ifEpoch: "" });
    expect(await writer.settled()).toEqual([ack(1), reject("STATE_CONFLICT", 1, { n: 1 })]);
  });

  it("is compared after an eviction, too", async () => {
    const { stub, writer } = await open();
    await evict(stub);
    write(writer, { n: 9 }, { writeId: "w", ifRevision: 0 });
    expect(await writer.settled()).toEqual([reject("STATE_CONFLICT", 1, { n: 1 })]);
  });

  it("is 0 where there is no state, and 1 where there is the initial one", async () => {
    const { writer } = await open("_pk=a", null);
    write(writer, { n: 1 }, { writeId: "w", ifRevision: 0 });
    expect(await writer.settled()).toEqual([ack(1)]);
    // A connection that was shown nothing: the look at the state is what stores the initial one.
    const recorder = env.Recorder.get(env.Recorder.idFromName("initial-revision"));
    const silent = await connect(recorder, "silent");
    write(silent, { n: 7 }, { ifRevision: 0 });
    write(silent, { n: 8 }, { ifRevision: 1 });
    await silent.settled();
    const set = await runInDurableObject(recorder, ({ seen }) => seen.filter(({ event }) => event === "state"));
    expect(set).toEqual([{ event: "state", detail: [8, expect.any(String)] }]);
  });

  it.each(['"1"', "-1", "1.5", "null"])("of %s is no frame: nothing happens but an event", async (ifRevision) => {
    const { writer, stored } = await open();
    writer.send(`{"type":"cf_agent_state","state":{"n":9},"writeId":"w","ifRevision":${ifRevision}}`);
    expect([await writer.settled(), await stored()]).toEqual([[], { n: 1 }]);
  });
});

describe("[S12] an agent with the older name of its hook", () => {
  const warned = async (run: () => Promise<unknown>) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await run();
    const lines = warn.mock.calls.map(([line]) => line as string);
    warn.mockRestore();
    return lines;
  };

  it("is told under that name, with the source and the context, and warned once", async () => {
    const lines = await warned(async () => {
      for (const name of ["one", "two"]) {
        const stub = env.Legacy.get(env.Legacy.idFromName(name));
        const connection = await connect(stub, "_pk=a");
        write(connection, { n: 1 }, {});
        await connection.settled();
        await stub.setState({ n: 2 });
        expect(await runInDurableObject(stub, (agent) => agent.seen)).toEqual([
          [1, "a", true],
          [2, "server", true]
        ]);
      }
    });
    expect(lines).toEqual(["Legacy.onStateUpdate() is deprecated: call it onStateChanged()"]);
  });

  it("may be asynchronous, and what it rejects with goes to onError", async () => {
    const stub = env.Legacy.get(env.Legacy.idFromName("thirteen"));
    await warned(() => stub.setState({ n: 13 }) as unknown as Promise<void>);
    const seen = () => runInDurableObject(stub, (agent) => agent.seen);
    await vi.waitFor(async () => expect(await seen()).toContainEqual("Error: rejected in onStateUpdate"));
  });

  it("beside the new one is told under the new one only, and not warned", async () => {
    const stub = env.LegacyHeir.get(env.LegacyHeir.idFromName("heir"));
    const lines = await warned(() => stub.setState({ n: 1 }) as unknown as Promise<void>);
    expect([lines, await runInDurableObject(stub, (agent) => agent.seen)]).toEqual([[], [["new", 1]]]);
  });
});
