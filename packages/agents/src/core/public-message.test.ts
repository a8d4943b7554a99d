import { env } from "cloudflare:test";
import { expect, it } from "vitest";
import { errorOf, logged } from "../test/kit";
import { publicMessage } from "./public-message";
import { SqlError } from "./sql";

const read = async (error: unknown) => {
  let message = "";
  const lines = await logged(() => (message = publicMessage(error)));
  return { message, lines };
};

it.each([
  [new Error("Not enough credit"), "Not enough credit"],
  [new Error("SQLite is a database"), "SQLite is a database"],
  ["text", "Unknown error occurred"]
])("%s keeps its message", async (error, message) => {
  expect(await read(error)).toEqual({ message, lines: [] });
});

it.each([
  ["of this.sql", new SqlError("SELECT secret", new Error("no such table: secret: SQLITE_ERROR"))],
  ["of the platform's own database", new Error("UNIQUE constraint failed: users.mail: SQLITE_CONSTRAINT")],
  ["that quotes one", new Error("Not saved: no such table: secret: SQLITE_ERROR")],
  // As it arrives from another agent on compatibility dates before 2026.
  ["of another agent", new Error("SqlError: SQL query failed: Wrong number of parameter bindings for SQL query.")]
])("an error %s is told by a reference, under which the log has it", async (_name, error) => {
  const { message, lines } = await read(error);
  const [, reference] = /^Internal error \(reference ([\da-f-]{36})\)$/.exec(message)!;
  expect(lines).toEqual([[`Error ${reference}:`, error]]);
});

it("an error of another agent's query is told by a reference", async () => {
  const error = await errorOf(() => env.Recorder.getByName("public-message").query());
  expect((await read(error)).message).toMatch(/^Internal error/);
});
