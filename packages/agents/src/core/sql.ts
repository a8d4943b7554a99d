import { AgentError } from "../protocol/errors";

/** What the platform gives back in a row. */
export type SqlValue = ArrayBuffer | string | number | null;
export type SqlRow = Record<string, SqlValue>;

/** Values that `this.sql` accepts between `${` and `}`. An array is for `IN (${array})`. */
export type SqlParameter = SqlScalar | readonly SqlScalar[];
type SqlScalar = string | number | bigint | boolean | null | Date | ArrayBuffer | ArrayBufferView;

/** Tagged template for queries. Every value is bound; none becomes part of the text. */
export type Sql = <Row = SqlRow>(strings: TemplateStringsArray, ...values: SqlParameter[]) => Row[];

/** A query that failed. `query` is its text with `?` for each value; it never leaves the server. */
export class SqlError extends AgentError {
  override readonly name = "SqlError";
  readonly query: string;

  constructor(query: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super("SQL_FAILED", `SQL query failed: ${reason}`, { cause });
    this.query = query;
  }
}

/**
 * Makes the template tag over a database. A `Date` is stored as ISO text, a boolean as 0 or 1, and an array becomes one
 * parameter for each element. `undefined`, functions, symbols and plain objects throw `SQL_VALUE_INVALID`.
 */
export function createSql(storage: Pick<SqlStorage, "exec">): Sql {
  return <Row>(strings: TemplateStringsArray, ...values: SqlParameter[]): Row[] => {
    const { query, bindings } = bind(strings, values);
    return execute<Row>(storage, query, bindings);
  };
}

/** A query that says what its rows are: objects that the runtime makes of them cost more than the query itself. */
export interface Query<Row> {
  readonly text: string;
  /** Makes a row of its columns, in the order in which the query names them. */
  rowOf(values: readonly SqlValue[]): Row;
}

/** Rows with a field for each column. */
export function fieldsOf<Row>(columns: readonly (keyof Row & string)[]): Query<Row>["rowOf"] {
  return (values) => {
    const row: SqlRow = {};
    for (let index = 0; index < columns.length; index++) row[columns[index]!] = values[index]!;
    // The caller knows the types of its columns.
    return row as Row;
  };
}

/** Runs one query (or several, where only the last one has values) and reads all its rows. */
export function execute<Row = SqlRow>(
  storage: Pick<SqlStorage, "exec">,
  query: string | Query<Row>,
  bindings: readonly SqlBinding[] = []
): Row[] {
  const text = typeof query === "string" ? query : query.text;
  try {
    const cursor = storage.exec(text, ...bindings);
    // Rows have whatever columns the query names: only the caller knows their type.
    if (typeof query === "string") return cursor.toArray() as Row[];
    const rows: Row[] = [];
    for (const values of cursor.raw()) rows.push(query.rowOf(values));
    return rows;
  } catch (error) {
    throw new SqlError(text, error);
  }
}

/** Runs one statement that changes rows. Returns whether there was one to change. */
export function change(storage: Pick<SqlStorage, "exec">, query: string, bindings: readonly SqlBinding[]): boolean {
  try {
    return storage.exec(query, ...bindings).rowsWritten > 0;
  } catch (error) {
    throw new SqlError(query, error);
  }
}

export type SqlBinding = string | number | null | ArrayBuffer | ArrayBufferView;

function bind(strings: TemplateStringsArray, values: readonly SqlParameter[]) {
  if (!values.some(Array.isArray)) {
    return { query: strings.join("?"), bindings: values.map((value, index) => binding(value, index)) };
  }
  let query = strings[0] ?? "";
  const bindings: SqlBinding[] = [];
  values.forEach((value, index) => {
    const elements: readonly unknown[] = Array.isArray(value) ? value : [value];
    // `IN ()` is valid SQLite and matches nothing, which is what an empty array means.
    query += elements.map(() => "?").join(", ") + strings[index + 1];
    for (const element of elements) bindings.push(binding(element, index));
  });
  return { query, bindings };
}

function binding(value: unknown, index: number): SqlBinding {
  switch (typeof value) {
    case "string":
    case "number":
      return value;
    case "boolean":
      return value ? 1 : 0;
    case "bigint":
      return bigintBinding(value, index);
    case "object":
      if (value === null || value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value;
      if (value instanceof Date) return dateBinding(value, index);
  }
  const found = value === undefined || value === null ? String(value) : describe(value);
  throw invalid(index, `got ${found}; pass null for "no value" and JSON.stringify(...) for an object`);
}

function bigintBinding(value: bigint, index: number): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw invalid(index, `${value} is beyond the integers that a row can hold exactly; pass it as text`);
  return number;
}

function dateBinding(value: Date, index: number): string {
  if (Number.isNaN(value.getTime())) throw invalid(index, "got an invalid Date");
  return value.toISOString();
}

const describe = (value: unknown): string =>
  typeof value === "object" ? (Array.isArray(value) ? "an array in an array" : "an object") : `a ${typeof value}`;

const invalid = (index: number, reason: string): AgentError =>
  new AgentError("SQL_VALUE_INVALID", `this.sql: value ${index + 1} of the query cannot be bound: ${reason}`);
