import { Agent, callable, type Connection, type ConnectionContext } from "../index";
import type { Operation } from "../core/capability";

/** An agent that operators may look into. */
export class Desk extends Agent {
  static override options = { inspect: true, retry: { maxAttempts: 1 } };
  operators = ["operator"];

  override authorize(connection: Connection, operation: Operation): boolean {
    if (operation.type === "inspect") return this.operators.includes(connection.id);
    return super.authorize(connection, operation);
  }
  override shouldConnectionBeReadonly(_connection: Connection, { request }: ConnectionContext) {
    return request.headers.has("x-readonly");
  }
  override onError() {}

  @callable()
  ping() {
    return "pong";
  }
  work() {}
  fail(secret: string) {
    throw new Error(
      `no answer from https://user:${secret}@mail.example/send?key=${secret} with Bearer ${secret}.${secret}`
    );
  }
  readonly #held: (() => void)[] = [];
  hold() {
    return new Promise<void>((resolve) => this.#held.push(resolve));
  }
  release() {
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

/** One that has a method of that name of its own. */
export class OwnDesk extends Agent {
  static override options = { inspect: true };

  // Not what the base class returns: a program may have had the name first.
  @callable()
  // @ts-expect-error the base class returns a report
  override inspect() {
    return "mine";
  }
}
