import { Meta, Schema, type SchemaDefinition, type Storage } from "../core/meta";
/** Real SQLite storage in a bare Durable Object: for capabilities, without an agent. */
export interface TestStorage {
    readonly storage: Storage;
    /** As after a wake: memory is new, the database is the same. */
    meta(): Meta;
    schema(name: string, definition: SchemaDefinition): Schema;
}
/** Runs a test on the storage of a new, empty Durable Object. */
export declare function withStorage<Result>(run: (storage: TestStorage) => Result | Promise<Result>): Promise<Result>;
/** A parsed JSON frame, or the message as it was. */
export type Received = unknown;
/** The client's end of a connection to an agent. */
export declare class TestConnection {
    #private;
    /** Settles when the connection is closed by the agent, or cut. */
    readonly closed: Promise<{
        code: number;
        reason: string;
    }>;
    constructor(socket: WebSocket);
    /** The next message, in the order in which they were sent. */
    nextFrame(): Promise<Received>;
    /** The next message for which `wanted` is true (or of this type); those before it are dropped. */
    next<Frame = Record<string, unknown>>(wanted: string | ((frame: Frame) => boolean)): Promise<Frame>;
    /** What has arrived and was not asked for. */
    get pending(): readonly Received[];
    /** Sends text as it is, bytes as they are, and anything else as JSON. */
    send(message: unknown): void;
    /** Calls a method and waits for its answer; frames before it are dropped. */
    call(method: string, ...args: unknown[]): Promise<Record<string, unknown>>;
    /**
     * All that has arrived and was not asked for, once the agent has handled what this connection sent before. A call of a
     * method that no agent has is the barrier: it is always answered, and a connection's frames keep their order.
     */
    settled(): Promise<Received[]>;
    close(code?: number, reason?: string): void;
    /** As a browser does by `close()`: the other end sees 1005. */
    closeWithoutCode(): void;
}
interface Connectable {
    fetch(request: Request): Promise<Response>;
}
/**
 * Connects to an agent as a client does.
 *
 * @param query the query of the URL: `_pk=a` chooses the id of the connection
 */
export declare function connect(stub: Connectable, query?: string, headers?: Record<string, string>): Promise<TestConnection>;
/** Takes the instance out of memory. Its sockets hibernate. */
export declare const evict: (stub: DurableObjectStub) => Promise<void>;
/** Takes the instance out of memory and drops its sockets, as a lost network or a deploy does. */
export declare const cut: (stub: DurableObjectStub) => Promise<void>;
/** Kills all instances in the middle of what they do. What was not stored is lost. */
export declare const killAll: () => Promise<void>;
/**
 * The error that a call ends with, as its caller sees it. Not `expect(stub.method()).rejects`: a promise of Durable Object RPC
 * makes a new promise of every property that is looked at, and those reject too, with nobody to hear it.
 */
export declare function errorOf(run: () => PromiseLike<unknown> | void): Promise<Error & {
    code?: string;
}>;
/** What is logged as an error while `run` executes; none of it is printed. */
export declare function logged(run: () => unknown): Promise<unknown[][]>;
/** What an operation cost in storage. */
export interface Cost {
    /** Calls of `sql.exec`, of key-value storage, and of the alarm, with the text of each. */
    readonly statements: readonly string[];
    readonly rowsRead: number;
    readonly rowsWritten: number;
}
/** Counts what all awake instances do to their storage while `run` executes. */
export declare function costOf(stub: DurableObjectStub, run: () => unknown): Promise<Cost>;
export {};
