import { change, execute, SqlError, type Query, type SqlBinding, type SqlRow } from "./sql";

/** The part of Durable Object storage that the core uses. */
export interface Storage {
  readonly sql: Pick<SqlStorage, "exec" | "databaseSize">;
  transactionSync<Result>(run: () => Result): Result;
}

/** The tables of one capability. A new version appends a migration; nothing is ever dropped. */
export interface SchemaDefinition {
  readonly tables: readonly string[];
  /** SQL text by version, starting at 1. The first one creates (`IF NOT EXISTS`) tables as deployed data has them. */
  readonly migrations: readonly string[];
  /** What all of them come to where there is no table yet. */
  readonly fresh?: string;
}

interface MetaRow {
  versions: Record<string, number>;
  /** When each capability wants to be woken next, in ms since the epoch. */
  wakes: Record<string, number>;
  /** The name of the instance, for whoever reaches it by its id alone. */
  name?: string;
  /** Tables that an older release wrote, before there was this row. */
  inherited?: string[];
  /** Capabilities that want to look at their tables at the next start. */
  marked?: string[];
  /** What capabilities note beside their tables. */
  notes?: Readonly<Record<string, unknown>>;
  /** The tombstone: the instance was destroyed, and what is left of it is not to be used. */
  destroyed?: true;
}

// A table, not key-value storage: with its first use in each life, the runtime prepares fourteen statements for that.
const metaTable = "CREATE TABLE IF NOT EXISTS cf_agents_meta (id INTEGER PRIMARY KEY, row TEXT NOT NULL)";
const putMeta = "INSERT OR REPLACE INTO cf_agents_meta (id, row) VALUES (1, ?)";
const getMeta: Query<string> = { text: "SELECT row FROM cf_agents_meta", rowOf: ([row]) => row as string };
/** A database without tables is not larger, and one page is added for each: to look at this costs less than to look for them. */
const emptyBytes = 4_096;
const isEmpty = ({ sql }: Storage): boolean => sql.databaseSize <= emptyBytes;

/**
 * The one row that is read at each wake. It says which capabilities ever wrote (so that no table is made, asked or migrated
 * without need) and when each wants to wake.
 */
export class Meta {
  readonly #storage: Storage;
  readonly #name: string | undefined;
  #row: MetaRow;
  /** The text that is stored, or was before the program deleted it. */
  #stored: string | undefined;
  #isInTransaction = false;
  /** The transaction that is running writes the row when it is over: once for all that changed. */
  #isChanged = false;

  constructor(storage: Storage, name?: string) {
    this.#storage = storage;
    this.#name = name;
    this.#stored = storedText(storage);
    this.#row = this.#stored === undefined ? { versions: {}, wakes: {} } : (JSON.parse(this.#stored) as MetaRow);
  }

  /** The name under which the instance wrote first, if it had one. */
  get name(): string | undefined {
    return this.#row.name;
  }

  /** Whether what is stored is what a destroyed instance has left. */
  get isDestroyed(): boolean {
    return this.#row.destroyed === true;
  }

  markDestroyed(): void {
    this.#row.destroyed = true;
    this.#save();
  }

  /** Tables of an older release are there, although no version is recorded. */
  inherits(tables: readonly string[]): boolean {
    const inherited = this.#inherited();
    return tables.some((table) => inherited.includes(table));
  }

  isMarked(name: string): boolean {
    return this.#row.marked?.includes(name) ?? false;
  }

  mark(name: string, marked: boolean): void {
    if (this.isMarked(name) === marked) return;
    const others = this.#row.marked?.filter((other) => other !== name) ?? [];
    this.#row.marked = marked ? [...others, name] : others;
    this.#save();
  }

  noteOf(name: string): unknown {
    return this.#row.notes?.[name];
  }

  setNote(name: string, value: unknown): void {
    this.#row.notes = { ...this.#row.notes, [name]: value };
    this.#save();
  }

  /** Looked up once in the life of a database: where the row is stored, it knows. */
  #inherited(): readonly string[] {
    if (this.#stored === undefined) this.#row.inherited ??= isEmpty(this.#storage) ? [] : existingTables(this.#storage);
    return this.#row.inherited ?? [];
  }

  version(name: string): number {
    return this.#row.versions[name] ?? 0;
  }

  setVersion(name: string, version: number): void {
    this.#row.versions[name] = version;
    this.#save();
  }

  wakeOf(name: string): number | undefined {
    return this.#row.wakes[name];
  }

  wakes(): readonly [name: string, atMs: number][] {
    return Object.entries(this.#row.wakes);
  }

  /** Records a wake; returns whether that changed anything. */
  setWake(name: string, atMs: number | undefined): boolean {
    if (this.#row.wakes[name] === atMs) return false;
    if (atMs === undefined) delete this.#row.wakes[name];
    else this.#row.wakes[name] = atMs;
    this.#save();
    return true;
  }

  /** Runs several writes together or not at all. After a throw, what is in memory agrees with the database again. */
  transaction<Result>(run: () => Result): Result {
    // Before `run` makes tables of its own.
    this.#inherited();
    const { versions, wakes } = this.#row;
    const before = { ...this.#row, versions: { ...versions }, wakes: { ...wakes } };
    const [stored, isChanged, isInner] = [this.#stored, this.#isChanged, this.#isInTransaction];
    this.#isInTransaction = true;
    try {
      return this.#storage.transactionSync(() => {
        const result = run();
        if (this.#isChanged && !isInner) this.#write();
        return result;
      });
    } catch (error) {
      this.#row = before;
      this.#stored = stored;
      this.#isChanged = isChanged;
      throw error;
    } finally {
      this.#isInTransaction = isInner;
    }
  }

  #save(): void {
    // Looked up before there are tables that this release makes.
    this.#inherited();
    if (this.#isInTransaction) this.#isChanged = true;
    else this.#write();
  }

  #write(): void {
    this.#isChanged = false;
    const inherited = this.#inherited();
    const { versions, wakes, name = this.#name, marked = [], notes, destroyed } = this.#row;
    const row: MetaRow = { versions, wakes };
    if (name !== undefined) row.name = name;
    if (inherited.length > 0) row.inherited = [...inherited];
    if (marked.length > 0) row.marked = marked;
    if (notes) row.notes = notes;
    if (destroyed) row.destroyed = true;
    this.#row = this.#put(row);
  }

  #put(row: MetaRow): MetaRow {
    const { sql } = this.#storage;
    const text = JSON.stringify(row);
    try {
      execute(sql, this.#stored === undefined ? `${metaTable};\n${putMeta}` : putMeta, [text]);
      this.#stored = text;
      return row;
    } catch (error) {
      if (this.#stored === undefined || !isMissing(error)) throw error;
      // The program has deleted all that was stored, the tables of which this row tells too.
      const rest = changesOf(row, JSON.parse(this.#stored) as MetaRow);
      this.#stored = undefined;
      return this.#put(rest);
    }
  }
}

/** What a row says that it did not say before. */
function changesOf({ versions, wakes, name, destroyed }: MetaRow, before: MetaRow): MetaRow {
  const changed = (now: Record<string, number>, then: Record<string, number>) =>
    Object.fromEntries(Object.entries(now).filter(([key, value]) => then[key] !== value));
  return {
    versions: changed(versions, before.versions),
    wakes: changed(wakes, before.wakes),
    ...(name !== undefined && { name }),
    ...(destroyed && { destroyed })
  };
}

const isMissing = (error: unknown): boolean => error instanceof SqlError && error.message.includes("no such table");

function storedText(storage: Storage): string | undefined {
  if (isEmpty(storage)) return undefined;
  try {
    return execute(storage.sql, getMeta)[0];
  } catch (error) {
    // The program has tables of its own, or an older release has left some.
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function existingTables(storage: Storage): string[] {
  const query =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'cf_a%' AND name <> 'cf_agents_meta'";
  return execute<{ name: string }>(storage.sql, query).map((row) => row.name);
}

/** A capability's own tables: there when it first writes, and not before. */
export class Schema {
  readonly #name: string;
  readonly #definition: SchemaDefinition;
  readonly #storage: Storage;
  readonly #meta: Meta;

  constructor(name: string, definition: SchemaDefinition, storage: Storage, meta: Meta) {
    this.#name = name;
    this.#definition = definition;
    this.#storage = storage;
    this.#meta = meta;
  }

  /** Whether there is anything to read. Never writes. */
  get exists(): boolean {
    return this.#meta.version(this.#name) > 0 || this.#meta.inherits(this.#definition.tables);
  }

  /** Whether the tables are those of an older release, and nothing has looked at them since. */
  get isInherited(): boolean {
    return this.#meta.version(this.#name) === 0 && this.#meta.inherits(this.#definition.tables);
  }

  /** Whether `mark` was called, perhaps in an earlier life of the instance. Costs nothing. */
  get isMarked(): boolean {
    return this.#meta.isMarked(this.#name);
  }

  /** Something in these tables waits for the next start of the instance, or does not any more. */
  mark(marked: boolean): void {
    this.#meta.mark(this.#name, marked);
  }

  /**
   * A small value beside the tables, for what is rarely written. It is in memory from the start, and what sets it in a transaction
   * that writes other such things too, as a first one does, costs no statement. Set a new one: one that is changed in place is not stored.
   */
  get note(): unknown {
    return this.#meta.noteOf(this.#name);
  }

  set note(value: unknown) {
    this.#meta.setNote(this.#name, value);
  }

  /** Reads rows; none when the tables do not exist. */
  read<Row = SqlRow>(query: string | Query<Row>, ...values: SqlBinding[]): Row[] {
    if (!this.exists) return [];
    if (this.#pending.length > 0) this.#migrate();
    return execute<Row>(this.#storage.sql, query, values);
  }

  /** Writes (and may return rows). Creates or migrates the tables first, in the same call where that is possible. */
  write<Row = SqlRow>(query: string | Query<Row>, ...values: SqlBinding[]): Row[] {
    const pending = this.#pending;
    if (pending.length === 0) return execute<Row>(this.#storage.sql, query, values);
    const before = `${pending.join(";\n")};\n`;
    const withMigrations = typeof query === "string" ? before + query : { ...query, text: before + query.text };
    // A throw does not undo what `exec` did before it: tables, row and version are written together or not at all.
    return this.#meta.transaction(() => {
      const rows = execute<Row>(this.#storage.sql, withMigrations, values);
      this.#meta.setVersion(this.#name, this.#definition.migrations.length);
      return rows;
    });
  }

  /** Changes rows that are there. Returns whether there were any. */
  change(query: string, ...values: SqlBinding[]): boolean {
    if (!this.exists) return false;
    if (this.#pending.length > 0) this.#migrate();
    return change(this.#storage.sql, query, values);
  }

  /** Several writes that happen together or not at all. */
  transaction<Result>(run: () => Result): Result {
    return this.#meta.transaction(run);
  }

  get #pending(): readonly string[] {
    const version = this.#meta.version(this.#name);
    const { migrations, fresh, tables } = this.#definition;
    if (version === migrations.length) return [];
    return version === 0 && fresh !== undefined && !this.#meta.inherits(tables) ? [fresh] : migrations.slice(version);
  }

  #migrate(): void {
    const pending = this.#pending;
    this.#meta.transaction(() => {
      execute(this.#storage.sql, pending.join(";\n"));
      this.#meta.setVersion(this.#name, this.#definition.migrations.length);
    });
  }
}
