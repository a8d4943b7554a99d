import { describe, expect, it } from "vitest";
import { metaOf, withStorage, type TestStorage } from "../test/kit";
import { Meta, Schema, type SchemaDefinition } from "./meta";

const notes: SchemaDefinition = {
  tables: ["cf_agents_notes"],
  migrations: ["CREATE TABLE IF NOT EXISTS cf_agents_notes (id TEXT PRIMARY KEY, note TEXT)"]
};
const notesV2: SchemaDefinition = {
  ...notes,
  migrations: [...notes.migrations, "ALTER TABLE cf_agents_notes ADD COLUMN stars INTEGER DEFAULT 3"]
};
const broken: SchemaDefinition = {
  ...notes,
  migrations: [...notes.migrations, "CREATE TABLE cf_agents_more (a); ALTER TABLE nowhere ADD COLUMN b"]
};

const tables = ({ storage }: TestStorage) =>
  storage.sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE name LIKE 'cf_agents%' AND name <> 'cf_agents_meta' ORDER BY name"
    )
    .toArray()
    .map(({ name }) => name);
const row = ({ storage }: TestStorage) => metaOf(storage as DurableObjectStorage);
const insert = (schema: Schema, id: string) =>
  schema.write("INSERT INTO cf_agents_notes (id, note) VALUES (?, 'n')", id);

describe("[C6] tables", () => {
  it("are not made by looking", () =>
    withStorage((test) => {
      const schema = test.schema("notes", notes);
      expect(schema.read("SELECT * FROM cf_agents_notes")).toEqual([]);
      expect([schema.exists, tables(test), row(test)]).toEqual([false, [], undefined]);
    }));

  it("are made by the first write, together with the row that says so", () =>
    withStorage((test) => {
      const schema = test.schema("notes", notes);
      insert(schema, "a");
      expect([schema.exists, tables(test)]).toEqual([true, ["cf_agents_notes"]]);
      expect(row(test)).toEqual({ versions: { notes: 1 }, wakes: {} });
    }));

  it("are not made when the first write fails", () =>
    withStorage((test) => {
      const schema = test.schema("notes", notes);
      expect(() => schema.write("INSERT INTO cf_agents_notes (nonsense) VALUES (1)")).toThrow("nonsense");
      expect([schema.exists, tables(test), row(test)]).toEqual([false, [], undefined]);
      insert(schema, "a");
      expect(schema.read("SELECT id FROM cf_agents_notes")).toEqual([{ id: "a" }]);
    }));

  it("get a migration that a new release appends, once, at the first use", () =>
    withStorage((test) => {
      insert(test.schema("notes", notes), "a");
      for (let wake = 0; wake < 2; wake++) {
        const schema = test.schema("notes", notesV2);
        expect(schema.read("SELECT id, stars FROM cf_agents_notes")).toEqual([{ id: "a", stars: 3 }]);
      }
      expect(row(test)).toMatchObject({ versions: { notes: 2 } });
    }));

  it("are left as they were by a migration that fails, and the next use tries again", () =>
    withStorage((test) => {
      insert(test.schema("notes", notes), "a");
      const schema = test.schema("notes", broken);
      expect(() => schema.read("SELECT id FROM cf_agents_notes")).toThrow("nowhere");
      expect(() => insert(schema, "b")).toThrow("nowhere");
      expect([tables(test), row(test)]).toEqual([["cf_agents_notes"], { versions: { notes: 1 }, wakes: {} }]);
      expect(test.schema("notes", notesV2).read("SELECT id, stars FROM cf_agents_notes")).toEqual([
        { id: "a", stars: 3 }
      ]);
    }));
});

describe("[C7] tables of an older release", () => {
  const older = ({ storage }: TestStorage) => {
    storage.sql.exec(
      "CREATE TABLE cf_agents_notes (id TEXT PRIMARY KEY, note TEXT); INSERT INTO cf_agents_notes VALUES ('old', 'kept')"
    );
    storage.sql.exec("CREATE TABLE cf_agents_other (id TEXT PRIMARY KEY); INSERT INTO cf_agents_other VALUES ('old')");
  };
  const other: SchemaDefinition = {
    tables: ["cf_agents_other"],
    migrations: ["CREATE TABLE IF NOT EXISTS cf_agents_other (id TEXT PRIMARY KEY)"]
  };

  it("are read, and get what they lack", () =>
    withStorage((test) => {
      older(test);
      const schema = test.schema("notes", notesV2);
      expect(schema.exists).toBe(true);
      expect(schema.read("SELECT id, note, stars FROM cf_agents_notes")).toEqual([
        { id: "old", note: "kept", stars: 3 }
      ]);
    }));

  it("of one capability are still found after another capability wrote, and after later wakes", () =>
    withStorage((test) => {
      older(test);
      insert(test.schema("notes", notes), "new");
      expect(test.schema("other", other).exists).toBe(true);
      insert(test.schema("notes", notes), "newer");
      expect(test.schema("other", other).read("SELECT id FROM cf_agents_other")).toEqual([{ id: "old" }]);
    }));

  it("are still found when the first thing that is stored is a wake", () =>
    withStorage((test) => {
      older(test);
      test.meta().setWake("alarm", 1);
      expect(test.schema("other", other).exists).toBe(true);
    }));

  it("are not confused with those that this release has just made", () =>
    withStorage((test) => {
      insert(test.schema("notes", notes), "a");
      expect(row(test)).not.toHaveProperty("inherited");
    }));
});

describe("the note beside tables", () => {
  it("is there in later lives, and no other capability has it", () =>
    withStorage((test) => {
      test.schema("notes", notes).note = { removedAt: 7 };
      expect([test.schema("notes", notes).note, test.schema("others", notes).note]).toEqual([
        { removedAt: 7 },
        undefined
      ]);
    }));

  it("is written with the tables that are made in the same transaction, and undone with them", () =>
    withStorage((test) => {
      const schema = test.schema("notes", notes);
      const write = (isOver: boolean) =>
        schema.transaction(() => {
          insert(schema, "a");
          schema.note = "first";
          expect(row(test)).toBeUndefined();
          if (!isOver) throw new Error("stop");
        });
      expect(() => write(false)).toThrow("stop");
      expect([schema.note, tables(test), row(test)]).toEqual([undefined, [], undefined]);
      write(true);
      expect(row(test)).toEqual({ versions: { notes: 1 }, wakes: {}, notes: { notes: "first" } });
    }));
});

describe("[C8] a transaction", () => {
  it("that throws leaves memory and database as they were, and agreeing", () =>
    withStorage((test) => {
      const meta = test.meta();
      meta.setWake("kept", 1);
      const fail = () =>
        meta.transaction(() => {
          meta.setWake("kept", 2);
          meta.setWake("added", 3);
          meta.setVersion("added", 1);
          throw new Error("stop");
        });
      expect(fail).toThrow("stop");
      expect([meta.wakes(), meta.version("added")]).toEqual([[["kept", 1]], 0]);
      expect(row(test)).toEqual({ versions: {}, wakes: { kept: 1 } });
      meta.setWake("later", 4);
      expect(test.meta().wakes()).toEqual([
        ["kept", 1],
        ["later", 4]
      ]);
    }));

  it("writes the row once, when it is over, and with what an inner one that failed has left of it", () =>
    withStorage((test) => {
      const { storage } = test;
      const puts: unknown[] = [];
      const exec = (query: string, ...values: string[]) => {
        if (query.includes("INTO cf_agents_meta")) puts.push(JSON.parse(values[0]!));
        return storage.sql.exec(query, ...values);
      };
      const counted = new Meta({
        sql: { exec, databaseSize: storage.sql.databaseSize },
        transactionSync: storage.transactionSync.bind(storage)
      } as never);
      const schemas = ["notes", "others"].map((name) => new Schema(name, notes, storage, counted));
      counted.transaction(() => {
        insert(schemas[0]!, "a");
        insert(schemas[1]!, "b");
        const failing = () =>
          counted.transaction(() => {
            counted.setWake("undone", 1);
            throw new Error("inner");
          });
        expect(failing).toThrow("inner");
        counted.setWake("kept", 2);
        expect(puts).toEqual([]);
      });
      expect(puts).toEqual([{ versions: { notes: 1, others: 1 }, wakes: { kept: 2 } }]);
    }));

  it("inside another one is undone alone", () =>
    withStorage((test) => {
      const schema = test.schema("notes", notes);
      schema.transaction(() => {
        insert(schema, "outer");
        const inner = () =>
          schema.transaction(() => {
            insert(schema, "inner");
            throw new Error("inner");
          });
        expect(inner).toThrow("inner");
      });
      expect(schema.read("SELECT id FROM cf_agents_notes")).toEqual([{ id: "outer" }]);
    }));
});

it("is stored again, with what is new, when the program has deleted all that was", () =>
  withStorage(async (test) => {
    const meta = test.meta();
    insert(new Schema("notes", notes, test.storage, meta), "a");
    meta.setWake("a", 5);
    await (test.storage as DurableObjectStorage).deleteAll();
    meta.setWake("b", 6);
    expect(row(test)).toEqual({ versions: {}, wakes: { b: 6 } });
    expect([meta.version("notes"), meta.wakes()]).toEqual([0, [["b", 6]]]);
    insert(new Schema("notes", notes, test.storage, meta), "again");
    expect(test.schema("notes", notes).read("SELECT id FROM cf_agents_notes")).toEqual([{ id: "again" }]);
  }));

it("is stored again when the program has emptied its table, and is none of an older release", () =>
  withStorage((test) => {
    insert(test.schema("notes", notes), "a");
    test.storage.sql.exec("DELETE FROM cf_agents_meta");
    test.meta().setWake("a", 5);
    expect(row(test)).toEqual({ versions: {}, wakes: { a: 5 }, inherited: ["cf_agents_notes"] });
  }));

it("does not write a wake that has not changed", () =>
  withStorage((test) => {
    const meta = test.meta();
    expect([meta.setWake("a", 5), meta.setWake("a", 5), meta.setWake("b", undefined)]).toEqual([true, false, false]);
    expect(new Meta(test.storage).wakeOf("a")).toBe(5);
  }));
