import { AsyncLocalStorage } from "node:async_hooks";
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/sdk/types.js";
import type { CallRow } from "./calls";

/** A request that is being answered, in this life of the object. */
export class Call {
  /** By which the SDK knows it: ids of two clients may be equal, and ours are not. */
  readonly id: RequestId;
  readonly session: string;
  readonly stream: number;
  readonly clientId: RequestId;
  readonly method: string;
  /** Whether there is a row of it. */
  readonly row: CallRow | undefined;
  /** Where messages go that belong to it, unless to a stream. */
  readonly deliver: ((message: JSONRPCMessage) => void) | undefined;
  /** Aborted when the client does not want it any more. */
  readonly cancelled = new AbortController();
  readonly #hold: (promise: Promise<void>) => void;
  readonly #asked = new Map<string, number>();
  #release: (() => void) | undefined;
  #waits = 0;

  constructor(options: {
    row: CallRow | undefined;
    id: RequestId;
    session: string;
    stream: number;
    clientId: RequestId;
    method: string;
    deliver?: ((message: JSONRPCMessage) => void) | undefined;
    hold(promise: Promise<void>): void;
  }) {
    this.row = options.row;
    this.id = options.id;
    this.session = options.session;
    this.stream = options.stream;
    this.clientId = options.clientId;
    this.method = options.method;
    this.deliver = options.deliver;
    this.#hold = (promise) => options.hold(promise);
    this.#stay();
  }

  /** The object stays in memory while a call runs, and not while it waits for a person. */
  #stay(): void {
    this.#hold(new Promise((resolve) => (this.#release = resolve)));
  }

  waitBegins(): void {
    if (this.#waits++ === 0) this.end();
  }

  waitEnds(): void {
    if (--this.#waits === 0) this.#stay();
  }

  end(): void {
    this.#release?.();
    this.#release = undefined;
  }

  get hasAsked(): boolean {
    return this.#asked.size > 0;
  }

  /** The key of a question: what is asked, and how often the same was asked before in this call. */
  keyOf(question: string): string {
    const number = this.#asked.get(question) ?? 0;
    this.#asked.set(question, number + 1);
    return `${number}:${question}`;
  }
}

/** For whom the running code works. */
export interface Scope {
  readonly session: string;
  readonly call?: Call;
}

const storage = new AsyncLocalStorage<Scope>();

export const currentScope = (): Scope | undefined => storage.getStore();
export const runInScope = <Result>(scope: Scope, run: () => Result): Result => storage.run(scope, run);
