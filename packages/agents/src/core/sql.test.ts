import { describe, expect, expectTypeOf, it } from "vitest";
import { withStorage } from "../test/kit";
import { createSql, type Sql, SqlError, type SqlRow } from "./sql";

const withSql = (run: (sql: Sql) => void | Promise<void>) => withStorage(({ storage }) => run(createSql(storage.sql)));
const back = (sql: Sql, value: Parameters<Sql>[1]) =>
  sql<{ value: unknown; type: string }>`SELECT ${value} AS value, typeof(${value}) AS type`[0];
// What a program without types may pass.
const loose = (sql: Sql, value: unknown) => () => sql`SELECT 1, ${value as string}`;

describe("[C10] a value in this.sql", () => {
  // proves store-and-sync-state#sql, store-and-sync-state#sql-dates
  it.each([
    ["a text", "it's", { value: "it's", type: "text" }],
    ["an integer", 7, { value: 7, type: "real" }],
    ["null", null, { value: null, type: "null" }],
    ["true", true, { value: 1, type: "real" }],
    ["false", false, { value: 0, type: "real" }],
    ["a Date", new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), { value: "2026-01-02T03:04:05.006Z", type: "text" }],
    ["a safe bigint", 2n ** 53n - 1n, { value: 2 ** 53 - 1, type: "real" }]
  ])("that is %s is stored as documented", (_name, value, expected) =>
    withSql((sql) => expect(back(sql, value)).toEqual(expected))
  );

  it("that is bytes comes back as bytes", () =>
    withSql((sql) => {
      const whole = new Uint8Array([9, 1, 2, 9]);
      const [row] = sql<{
        a: ArrayBuffer;
        b: ArrayBuffer;
      }>`SELECT ${whole.subarray(1, 3)} AS a, ${new Uint8Array([3]).buffer} AS b`;
      expect([[...new Uint8Array(row!.a)], [...new Uint8Array(row!.b)]]).toEqual([[1, 2], [3]]);
    }));

  it("that goes into a column of type INTEGER is an integer there", () =>
    withSql((sql) => {
      sql`CREATE TABLE t (n INTEGER)`;
      sql`INSERT INTO t VALUES (${true}), (${5})`;
      expect(sql`SELECT n, typeof(n) AS type FROM t`).toEqual([
        { n: 1, type: "integer" },
        { n: 5, type: "integer" }
      ]);
    }));

  it.each([
    ["undefined", undefined, "got undefined"],
    ["a function", () => {}, "got a function"],
    ["a symbol", Symbol("s"), "got a symbol"],
    ["an object", { a: 1 }, "got an object"],
    ["a Map", new Map(), "got an object"],
    ["an invalid Date", new Date(NaN), "got an invalid Date"],
    ["a bigint that a row cannot hold exactly", 2n ** 60n, "1152921504606846976 is beyond"],
    ["an array with an array in it", [1, [2]], "got an array in an array"],
    ["an array with undefined in it", [1, undefined], "got undefined"]
  ])("that is %s is refused, with its position", (_name, value, reason) =>
    withSql((sql) => {
      const refused = {
        name: "AgentError",
        code: "SQL_VALUE_INVALID",
        message: expect.stringContaining(`value 1 of the query cannot be bound: ${reason}`)
      };
      expect(loose(sql, value)).toThrow(expect.objectContaining(refused));
    })
  );

  it("is named by its place among the values, arrays counting as one", () =>
    withSql((sql) => {
      expect(() => sql`SELECT ${[1, 2, 3]}, ${"b"}, ${undefined as unknown as string}`).toThrow("value 3 of the query");
    }));

  it.each(["'; DROP TABLE t; --", '" OR 1=1 --', "?", "?1", ":a", "\0", "${x}"])(
    "that reads like SQL stays data: %j",
    (text) =>
      withSql((sql) => {
        sql`CREATE TABLE t (a TEXT)`;
        sql`INSERT INTO t VALUES (${text})`;
        expect(sql`SELECT a FROM t WHERE a = ${text} AND a IN (${[text]})`).toEqual([{ a: text }]);
      })
  );
});

describe("[C10] an array in this.sql", () => {
  const names = (sql: Sql, among: string[]) => {
    sql`CREATE TABLE t (a TEXT)`;
    sql`INSERT INTO t VALUES ('x'), ('y'), ('z')`;
    return sql<{ a: string }>`SELECT a FROM t WHERE a IN (${among}) AND a != ${"y"} ORDER BY a`.map(({ a }) => a);
  };

  it("is one parameter for each element", () =>
    withSql((sql) => expect(names(sql, ["x", "y", "z"])).toEqual(["x", "z"])));

  it("that is empty matches nothing", () => withSql((sql) => expect(names(sql, [])).toEqual([])));

  it("may hold every kind of value", () =>
    withSql((sql) => {
      const row = sql`SELECT * FROM (VALUES (${[1, "a", true, null, new Date(0)]}))`[0]!;
      expect(Object.values(row)).toEqual([1, "a", 1, null, "1970-01-01T00:00:00.000Z"]);
    }));
});

describe("a query that fails", () => {
  const failure = (run: () => unknown): SqlError => {
    try {
      run();
    } catch (error) {
      return error as SqlError;
    }
    throw new Error("the query did not fail");
  };

  it("throws a SqlError with its text, its cause and a code, and none of its values", () =>
    withSql((sql) => {
      const error = failure(() => sql`SELECT * FROM missing WHERE a = ${"secret"} AND b IN (${[1, 2]})`);
      expect(error).toBeInstanceOf(SqlError);
      expect(error).toMatchObject({
        name: "SqlError",
        code: "SQL_FAILED",
        query: "SELECT * FROM missing WHERE a = ? AND b IN (?, ?)"
      });
      expect((error.cause as Error).message).toContain("no such table: missing");
      expect(error.message).not.toContain("secret");
    }));

  it("with a wrong number of parameters is a SqlError, too", () =>
    withSql((sql) => expect(failure(() => sql`SELECT ?, ${1}`)).toMatchObject({ code: "SQL_FAILED" })));
});

// proves store-and-sync-state#sql-typed
it("gives rows of the type that the caller names, else of the platform's values", () =>
  withSql((sql) => {
    expectTypeOf(sql<{ id: string }>`SELECT '1' AS id`).toEqualTypeOf<{ id: string }[]>();
    expectTypeOf(sql`SELECT 1`).toEqualTypeOf<SqlRow[]>();
    // @ts-expect-error: an object is no value of a query
    expect(() => sql`SELECT ${{}}`).toThrow("JSON.stringify");
  }));
