import { AsyncLocalStorage } from "node:async_hooks";
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { getCurrentAgent } from "../index";
import { createConnection } from "./connection";
import { currentContext, EntryContext, runInContext, type CallContext } from "./context";
import { SharedScopes } from "./shared-scope";

const agent = { name: "shared" };
function open() {
  const connection = createConnection(new WebSocketPair()[1], "c", null, agent);
  const scopes = new SharedScopes(agent);
  const own = new EntryContext(agent, connection);
  return {
    connection,
    own,
    scopes,
    run: <Result>(run: (context: CallContext) => Result) => scopes.run(connection, own, run)
  };
}
function give(context: CallContext): AbortSignal {
  const { signal } = new AbortController();
  context.setCall({ signal });
  return signal;
}

describe("[C17] a shared scope", () => {
  it("is the same for all calls of a connection, whatever runs around them", () => {
    const { run, own, connection } = open();
    const around = new EntryContext({});
    const others = new AsyncLocalStorage<string>();
    const look = (context: CallContext) => {
      expect(others.getStore()).toBeUndefined();
      return [context, currentContext()];
    };
    const seen = [0, 1].map(() => others.run("theirs", () => runInContext(around, () => run(look))));
    expect(new Set(seen.flat()).size).toBe(1);
    expect(seen[0]![0]).not.toBe(own);
    expect(seen[0]![0]).toMatchObject({ agent, connection, request: undefined, email: undefined, signal: undefined });
  });

  it("belongs to one call at a time: one within another has its own", () => {
    const { run, own } = open();
    run((outer) => {
      const signal = give(outer);
      expect(run((inner) => inner)).toBe(own);
      expect(currentContext().signal).toBe(signal);
    });
  });

  it("has no signal after a call, however that ended", () => {
    const { run } = open();
    let context: CallContext | undefined;
    const fail = (entered: CallContext) => {
      give((context = entered));
      throw new Error("failed");
    };
    expect(() => run(fail)).toThrow("failed");
    expect(context!.signal).toBeUndefined();
    expect(run((entered) => entered)).toBe(context);
  });

  it("goes to the call that takes longer, and the connection gets another", async () => {
    const { run, connection } = open();
    const waiting = Promise.withResolvers<void>();
    let signal: AbortSignal | undefined;
    const long = run(async (context) => {
      signal = give(context);
      context.takesLonger?.();
      await waiting.promise;
      const seen = currentContext();
      return [seen.signal, seen.connection];
    });
    run((context) => void give(context));
    waiting.resolve();
    expect(await long).toEqual([signal, connection]);
  });

  it("is a new one for whoever comes after the connection was left", () => {
    const { run, scopes, connection } = open();
    const before = run((context) => context);
    scopes.leave(connection);
    expect(run((context) => context)).not.toBe(before);
    expect(before.connection).toBe(connection);
  });

  it("shows programs that keep what they got what it was then", () => {
    const { run, connection } = open();
    run((context) => {
      const signal = give(context);
      const kept = getCurrentAgent();
      give(context);
      expect({ ...kept }).toMatchObject({ agent, connection, request: undefined, email: undefined });
      expect(kept.signal).toBe(signal);
    });
  });

  it("is given up when the runtime lets nobody in any more: the call has its own, and is made once", async () => {
    const { run, own } = open();
    const before = run((context) => context);
    const stub = env.STORAGE.get(env.STORAGE.idFromName("shared-scope"));
    await runInDurableObject(stub, () => {
      expect(run((context) => [context, currentContext()])).toEqual([own, own]);
    });
    expect(run((context) => context)).not.toBe(before);
    const fail = vi.fn(() => {
      throw new Error("failed");
    });
    expect(() => run(fail)).toThrow("failed");
    expect(fail).toHaveBeenCalledOnce();
  });

  it("is none where this module was loaded by another request: each call has its own", async () => {
    const stub = env.STORAGE.get(env.STORAGE.idFromName("shared-scope"));
    await runInDurableObject(stub, () => {
      const { run, own } = open();
      expect(run((context) => [context, currentContext()])).toEqual([own, own]);
    });
  });
});
