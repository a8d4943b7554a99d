import { type SqlBinding, type SqlRow } from "./sql";
/** The part of Durable Object storage that the core uses. */
export interface Storage {
    readonly sql: Pick<SqlStorage, "exec">;
    readonly kv: {
        get(key: string): unknown;
        put(key: string, value: unknown): void;
    };
    transactionSync<Result>(run: () => Result): Result;
}
/** The tables of one capability. A new version appends a migration; nothing is ever dropped. */
export interface SchemaDefinition {
    readonly tables: readonly string[];
    /** SQL text by version, starting at 1. The first one creates (`IF NOT EXISTS`) tables as deployed data has them. */
    readonly migrations: readonly string[];
}
/**
 * The one row that is read at each wake. It says which capabilities ever wrote (so that no table is made, asked or migrated
 * without need) and when each wants to wake.
 */
export declare class Meta {
    #private;
    constructor(storage: Storage, name?: string);
    /** The name under which the instance wrote first, if it had one. */
    get name(): string | undefined;
    /** Tables of an older release are there, although no version is recorded. */
    inherits(tables: readonly string[]): boolean;
    version(name: string): number;
    setVersion(name: string, version: number): void;
    wakeOf(name: string): number | undefined;
    wakes(): readonly [name: string, atMs: number][];
    /** Records a wake; returns whether that changed anything. */
    setWake(name: string, atMs: number | undefined): boolean;
    /** Runs several writes together or not at all. After a throw, what is in memory agrees with the database again. */
    transaction<Result>(run: () => Result): Result;
}
/** A capability's own tables: there when it first writes, and not before. */
export declare class Schema {
    #private;
    constructor(name: string, definition: SchemaDefinition, storage: Storage, meta: Meta);
    /** Whether there is anything to read. Never writes. */
    get exists(): boolean;
    /** Reads rows; none when the tables do not exist. */
    read<Row = SqlRow>(query: string, ...values: SqlBinding[]): Row[];
    /** Writes (and may return rows). Creates or migrates the tables first, in the same call where that is possible. */
    write<Row = SqlRow>(query: string, ...values: SqlBinding[]): Row[];
    /** Several writes that happen together or not at all. */
    transaction<Result>(run: () => Result): Result;
}
