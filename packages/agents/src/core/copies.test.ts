/// <reference types="vite/types/importMeta.d.ts" />
import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { callable, getCurrentAgent } from "../index";
import { lookUp } from "../rpc/callable";
import { connect } from "../test/kit";
import { currentContext, runInContext } from "./context";

type Package = typeof import("../index");
type Context = typeof import("./context");

// A bundle may hold this package twice: two releases, or two paths to one. The query makes a second copy of one module; the
// build, which comes before the tests, is a second copy of all.
const loadContext = import.meta.glob<Context>("./context.ts", { query: "?copy" });
const loadPackage = import.meta.glob<Package>("../../dist/index.mjs");

describe("[C17] two copies of the package in one bundle", () => {
  it("share the context", async () => {
    const copy = await Object.values(loadContext)[0]!();
    expect(copy.currentContext).not.toBe(currentContext);
    const context = { agent: {}, connection: undefined, request: undefined, email: undefined };
    expect(runInContext(context, () => copy.currentContext())).toBe(context);
    expect(await copy.runInContext(context, async () => (await null, currentContext()))).toBe(context);
    expect(copy.currentContext().agent).toBe(undefined);
  });
});

describe("[C17] the built package beside its source", () => {
  const build = async () => {
    const copy = await Object.values(loadPackage)[0]!();
    expect(copy.Agent).not.toBe((await import("../index")).Agent);
    return copy;
  };

  it("knows the agent of the other copy, in what a client calls", async () => {
    const copy = await build();
    const stub = env.Recorder.get(env.Recorder.idFromName("copies"));
    const connection = await connect(stub, "_pk=c");
    const seen = await runInDurableObject(stub, (agent) => {
      const names: unknown[] = [];
      agent.onMessage = () => {
        const { agent: found, connection: caller } = copy.getCurrentAgent();
        names.push(found === agent, caller?.id);
      };
      return names;
    });
    connection.send("hello");
    await connection.settled();
    expect(seen).toEqual([true, "c"]);
  });

  it("has its agents known to the other copy, in methods that others call", async () => {
    const copy = await build();
    class Copied extends copy.Agent {
      async own() {
        await null;
        return getCurrentAgent().agent === (this as unknown);
      }
    }
    const known = await runInDurableObject(env.STORAGE.get(env.STORAGE.idFromName("copied")), async (_, state) => {
      const agent = new Copied(state, env);
      await null;
      return agent.own();
    });
    expect(known).toBe(true);
  });

  it("knows methods that the other copy's decorator made callable", async () => {
    const copy = await build();
    class Mixed {
      @copy.callable({ description: "theirs" })
      theirs() {}
      @callable({ description: "ours" })
      ours() {}
    }
    const found = ["theirs", "ours"].map((name) => lookUp(new Mixed(), name));
    expect(found).toEqual([
      { status: "callable", name: "theirs", metadata: { description: "theirs" } },
      { status: "callable", name: "ours", metadata: { description: "ours" } }
    ]);
  });
});

describe("[C1] the members of a class are led through the gate", () => {
  const prototypes = (name: string) =>
    runInDurableObject(env.HEIR_OF_ALL.get(env.HEIR_OF_ALL.idFromName(name)), (agent) => {
      const heir = Object.getPrototypeOf(agent) as object;
      const recorder = Object.getPrototypeOf(heir) as object;
      return [heir, recorder].map((prototype) => Object.getOwnPropertyDescriptors(prototype));
    });

  it("once a class, not once an instance nor once a subclass", async () => {
    const first = await prototypes("first");
    await env.Recorder.get(env.Recorder.idFromName("of the base class")).plain();
    const second = await prototypes("second");
    for (const index of [0, 1]) {
      for (const [name, { value, get }] of Object.entries(first[index]!)) {
        expect(second[index]![name]!.value, name).toBe(value);
        expect(second[index]![name]!.get, name).toBe(get);
      }
    }
  });

  it("and leave nothing on an instance", async () => {
    const own = await runInDurableObject(env.Recorder.get(env.Recorder.idFromName("own")), (agent) =>
      Object.entries(agent).filter(([, value]) => typeof value === "function")
    );
    expect(own).toEqual([]);
  });
});
