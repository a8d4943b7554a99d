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
export declare class SqlError extends AgentError {
    readonly name = "SqlError";
    readonly query: string;
    constructor(query: string, cause: unknown);
}
/**
 * Makes the template tag over a database. A `Date` is stored as ISO text, a boolean as 0 or 1, and an array becomes one
 * parameter for each element. `undefined`, functions, symbols and plain objects throw `SQL_VALUE_INVALID`.
 */
export declare function createSql(storage: Pick<SqlStorage, "exec">): Sql;
/** Runs one query (or several, where only the last one has values) and reads all its rows. */
export declare function execute<Row = SqlRow>(storage: Pick<SqlStorage, "exec">, query: string, bindings?: readonly SqlBinding[]): Row[];
export type SqlBinding = string | number | null | ArrayBuffer | ArrayBufferView;
export {};
