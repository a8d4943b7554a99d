import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { applyPatch, type JsonPatch } from "../protocol/json-patch";
import { connect, connectExtended, costOf, evict, type TestConnection } from "../test/kit";

let names = 0;
const board = () => env.Board.get(env.Board.idFromName(`patches-${names++}`));
type Stub = ReturnType<typeof board>;
type Frame = {
  type: string;
  state: Record<string, unknown>;
  epoch: string;
  revision: number;
  from: number;
  to: number;
  patch: JsonPatch;
};

// A copy: tests and agents share an isolate, and some of these agents change their state in place.
const put = (stub: Stub, state: unknown) =>
  runInDurableObject(stub, (agent) => agent.setState(structuredClone(state) as Record<string, unknown>));
const frames = async (connection: TestConnection) => (await connection.settled()) as Frame[];
const stored = (stub: Stub) =>
  runInDurableObject(stub, (_, { storage }) =>
    storage.sql.exec("SELECT state, epoch, revision FROM cf_agents_state WHERE id = 'cf_state_row_id'").one()
  );
/** 1,000 entries, about 100 KB. */
const entries = Array.from({ length: 1_000 }, (_, i) => ({ id: i, text: `entry ${i} ${"x".repeat(70)}` }));
const large = { entries };
const replaced = (index: number) => ({
  entries: entries.map((entry, i) => (i === index ? { ...entry, text: "changed" } : entry))
});

describe("[S8] a change of the state", () => {
  it("of one entry of 1,000 is a patch of less than 2 % of the bytes, to clients that take part only", async () => {
    const stub = board();
    const [extended, documented] = [await connectExtended(stub), await connect(stub)];
    await put(stub, large);
    await Promise.all([extended.settled(), documented.settled()]);
    await put(stub, replaced(500));
    const [[patch], [whole]] = [await frames(extended), await frames(documented)];
    expect(patch).toEqual({
      type: "cf_agent_state_patch",
      epoch: expect.stringMatching(/^[\da-f]{8}$/),
      from: 1,
      to: 2,
      patch: [{ op: "replace", path: "/entries/500/text", value: "changed" }]
    });
    expect(JSON.stringify(patch).length).toBeLessThan(0.02 * JSON.stringify(large).length);
    expect(applyPatch(large, patch!.patch)?.value).toEqual(replaced(500));
    expect(whole).toEqual({ type: "cf_agent_state", state: replaced(500) });
  });

  it.each([
    ["is small", { n: 1 }, { n: 2 }],
    ["changes altogether", large, { other: entries.map(({ id }) => id) }],
    ["is set to the same", large, large],
    ["differs in the order of its fields only", { ...large, a: 1, b: 2 }, { ...large, b: 2, a: 1 }],
    ["becomes another kind of value", large, null]
  ])("that %s goes as a whole, with its revision", async (_name, before, after) => {
    const stub = board();
    await put(stub, before);
    const connection = await connect(stub, "_agents_ext=1");
    const { epoch } = (await frames(connection))[2]!;
    await put(stub, after);
    expect(await frames(connection)).toEqual([{ type: "cf_agent_state", epoch, revision: 2, state: after }]);
  });

  it("that a program made in place is a patch all the same, also the first one after an eviction", async () => {
    const stub = board();
    await put(stub, large);
    const connection = await connectExtended(stub);
    for (const evicted of [false, true]) {
      if (evicted) await evict(stub);
      connection.send({ type: "rpc", id: "1", method: "edit", args: ["n", evicted] });
      const [patch] = await frames(connection);
      expect(patch?.patch).toEqual([{ op: evicted ? "replace" : "add", path: "/n", value: evicted }]);
    }
  });

  it("that was made in place, and never set, is sent to nobody, not even with a later one", async () => {
    const stub = board();
    await put(stub, large);
    const connection = await connectExtended(stub);
    await runInDurableObject(stub, (agent) => void (agent.state.unset = true));
    expect((await frames(await connect(stub, "_agents_ext=1")))[2]).toMatchObject({ state: large });
    await put(stub, { ...large, n: 1 });
    expect(await frames(connection)).toMatchObject([{ patch: [{ op: "add", path: "/n", value: 1 }] }]);
  });

  it("reaches everybody in a room of both kinds as what they understand, and documented frames are as ever", async () => {
    const stub = board();
    await put(stub, large);
    const texts: unknown[] = [];
    const [writer, extended, silent] = [
      await connectExtended(stub, "_pk=w"),
      await connectExtended(stub, "_pk=e"),
      await connect(stub, "_pk=s&silent&_agents_ext=1")
    ];
    const documented = await connect(stub, "_pk=d", {}, (text) => void texts.push(text));
    await documented.settled();
    texts.length = 0;
    writer.send({ type: "cf_agent_state", state: replaced(1), writeId: "w1" });
    expect(await writer.settled()).toEqual([
      { type: "cf_agent_state_ack", writeId: "w1", epoch: expect.any(String), revision: 2 }
    ]);
    expect(await frames(extended)).toMatchObject([{ type: "cf_agent_state_patch", from: 1, to: 2 }]);
    documented.send({ type: "cf_agent_state", state: replaced(2), writeId: "w2", ifRevision: 2 });
    expect(await frames(extended)).toMatchObject([{ type: "cf_agent_state_patch", from: 2, to: 3 }]);
    documented.send({ type: "cf_agent_state", state: { bad: true }, writeId: "w3" });
    await documented.settled();
    expect(await silent.settled()).toEqual([]);
    expect(texts.slice(0, 2)).toEqual([
      `{"type":"cf_agent_state","state":${JSON.stringify(replaced(1))}}`,
      '{"type":"cf_agent_state_error","error":"State update rejected"}'
    ]);
  });

  it("costs one statement, which writes one row, however many clients of both kinds there are", async () => {
    const stub = board();
    await put(stub, large);
    const [extended] = [await connectExtended(stub), await connect(stub), await connectExtended(stub)];
    const cost = await costOf(stub, async () => {
      extended.send({ type: "cf_agent_state", state: replaced(1), writeId: "1" });
      await extended.settled();
    });
    expect([cost.statements.length, cost.rowsWritten]).toEqual([1, 1]);
  });
});

describe("[S9] a revision", () => {
  it("is 1 for the first state, and the next for each that follows, through evictions", async () => {
    const stub = board();
    const connection = await connectExtended(stub);
    for (const n of [1, 2, 3]) {
      await put(stub, { n });
      await evict(stub);
    }
    const all = await frames(connection);
    expect(all.map(({ revision }) => revision)).toEqual([1, 2, 3]);
    expect(new Set(all.map(({ epoch }) => epoch)).size).toBe(1);
    expect(await stored(stub)).toEqual({ state: '{"n":3}', epoch: all[0]!.epoch, revision: 3 });
  });

  it("is not spent by a state that is refused", async () => {
    const stub = board();
    await put(stub, { n: 1 });
    const connection = await connectExtended(stub);
    expect(await connection.call("put", { bad: true })).toMatchObject({ error: "bad" });
    await put(stub, { n: 2 });
    expect(await frames(connection)).toMatchObject([{ revision: 2 }]);
  });

  // What the published releases do to the row, each in its way.
  it.each([
    ["replaces", "INSERT OR REPLACE INTO cf_agents_state (id, state) VALUES ('cf_state_row_id', ?)"],
    [
      "deletes and writes",
      "DELETE FROM cf_agents_state; INSERT INTO cf_agents_state (id, state) VALUES ('cf_state_row_id', ?)"
    ]
  ])("has another epoch once an older release %s the row", async (_name, statement) => {
    const stub = board();
    await put(stub, large);
    const connection = await connect(stub, "_agents_ext=1");
    const before = (await frames(connection))[2]!;
    await runInDurableObject(stub, (_, { storage }) => storage.sql.exec(statement, JSON.stringify(replaced(1))));
    await evict(stub);
    const shown = (await frames(await connect(stub, "_agents_ext=1")))[2]!;
    expect(shown).toMatchObject({ state: replaced(1), revision: 0 });
    await put(stub, replaced(2));
    // As a whole: there is no patch from one epoch to another.
    const [changed] = await frames(connection);
    expect(changed).toMatchObject({ type: "cf_agent_state", revision: 1, state: replaced(2) });
    expect(new Set([before.epoch, shown.epoch, changed!.epoch]).size).toBe(3);
    expect(await stored(stub)).toMatchObject({ epoch: changed!.epoch, revision: 1 });
  });

  it("of a row that nobody has changed since an older release wrote it is the same after an eviction", async () => {
    const stub = board();
    await put(stub, large);
    await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("UPDATE cf_agents_state SET epoch = NULL, revision = NULL")
    );
    const epochs = new Set<string>();
    for (let n = 0; n < 3; n++) {
      await evict(stub);
      epochs.add((await frames(await connect(stub, "_agents_ext=1")))[2]!.epoch);
    }
    expect(epochs.size).toBe(1);
    expect(await stored(stub)).toMatchObject({ epoch: null, revision: null });
  });

  it("is not the same for two states that older releases wrote, nor after a change between two writes of one", async () => {
    const stub = board();
    await put(stub, large);
    const shown: Frame[] = [];
    for (const state of [replaced(1), replaced(2), replaced(1)]) {
      await runInDurableObject(stub, (_, { storage }) => {
        const statement = "INSERT OR REPLACE INTO cf_agents_state (id, state) VALUES ('cf_state_row_id', ?)";
        storage.sql.exec(statement, JSON.stringify(state));
      });
      await evict(stub);
      shown.push((await frames(await connect(stub, "_agents_ext=1")))[2]!);
      await put(stub, { ...state, n: shown.length });
      shown.push((await frames(await connect(stub, "_agents_ext=1")))[2]!);
    }
    const revisions = new Map<string, string>();
    for (const { epoch, revision, state } of shown) {
      const text = JSON.stringify(state);
      expect(revisions.get(`${epoch}:${revision}`) ?? text).toBe(text);
      revisions.set(`${epoch}:${revision}`, text);
    }
    expect(revisions.size).toBe(5);
  });

  it("of another instance is of another epoch", async () => {
    const epochs = new Set<string>();
    for (let n = 0; n < 5; n++) {
      const stub = board();
      await put(stub, { n });
      epochs.add((await stored(stub)).epoch as string);
    }
    expect(epochs.size).toBe(5);
  });
});

describe("[S9] a client that asks for the state", () => {
  it("gets all of it, without a statement; a documented one as it knows it", async () => {
    const stub = board();
    await put(stub, large);
    const [extended, documented] = [await connectExtended(stub), await connect(stub)];
    await documented.settled();
    const cost = await costOf(stub, async () => {
      for (const connection of [extended, documented]) connection.send({ type: "cf_agent_state_pull" });
      expect(await frames(extended)).toEqual([
        { type: "cf_agent_state", epoch: expect.any(String), revision: 1, state: large }
      ]);
      expect(await frames(documented)).toEqual([{ type: "cf_agent_state", state: large }]);
    });
    expect(cost.statements).toEqual([]);
  });

  it("may be read-only, and gets nothing where there is none", async () => {
    const stub = board();
    const connection = await connectExtended(stub, "readonly");
    connection.send({ type: "cf_agent_state_pull" });
    expect(await connection.settled()).toEqual([]);
    await put(stub, { n: 1 });
    connection.send({ type: "cf_agent_state_pull" });
    expect(await frames(connection)).toMatchObject([{ revision: 1 }, { revision: 1 }]);
  });
});
