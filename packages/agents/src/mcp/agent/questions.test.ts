import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { expect, it } from "vitest";
import { errorOf, withStorage } from "../../test/kit";
import { Calls } from "./calls";
import { Questions } from "./questions";
import { mcpSchema } from "./schema";
import { Call } from "./scope";

interface Bench {
  questions: Questions;
  calls: Calls;
  call: Call;
  sent: JSONRPCMessage[];
  /** How many promises keep the object in memory. */
  holds: () => number;
  strike: () => void;
}

/** Questions of one call on real SQLite. Time passes when `strike` is called. */
const withCall = (run: (bench: Bench) => Promise<void>) =>
  withStorage(async ({ schema }) => {
    const tables = schema("mcp-server", mcpSchema);
    const calls = new Calls(tables);
    const sent: JSONRPCMessage[] = [];
    const timers: (() => void)[] = [];
    const questions = new Questions({
      calls,
      transaction: (work) => tables.transaction(work),
      write: (_session, _call, message) => () => void sent.push(message),
      wait: (_delayMs, signal) =>
        new Promise((resolve) => {
          timers.push(resolve);
          signal.addEventListener("abort", () => resolve());
        })
    });
    const row = calls.add("s", undefined, { jsonrpc: "2.0", id: "client's", method: "tools/call" });
    let holds = 0;
    const hold = (promise: Promise<void>) => {
      holds++;
      void promise.then(() => holds--);
    };
    const call = new Call({
      row,
      id: row.id,
      session: "s",
      stream: row.stream,
      clientId: "x",
      method: "tools/call",
      hold
    });
    await run({ questions, calls, call, sent, holds: () => holds, strike: () => timers.forEach((ring) => ring()) });
  });

const ask = { method: "elicitation/create", params: { message: "?" } };
const answer = (id: number) => ({ jsonrpc: "2.0", id, result: { action: "accept" } }) as const;

it("asks under an id of its own, and hands the answer over", () =>
  withCall(async ({ questions, call, sent, calls }) => {
    const asking = questions.ask("s", call, ask, {});
    expect(sent).toEqual([{ jsonrpc: "2.0", id: 1, ...ask }]);
    expect(questions.answered("s", answer(1))).toBeUndefined();
    expect(await asking).toEqual(answer(1));
    expect(JSON.parse(calls.waits(call.row!.id)[0]!.answer!)).toEqual(answer(1));
  }));

it("lets the object leave memory while all that a call does is to wait", () =>
  withCall(async ({ questions, call, holds }) => {
    const both = [questions.ask("s", call, ask, {}), questions.ask("s", call, ask, {})];
    await Promise.resolve();
    expect(holds()).toBe(0);
    questions.answered("s", answer(1));
    await both[0];
    expect(holds()).toBe(0);
    questions.answered("s", answer(2));
    await both[1];
    expect(holds()).toBe(1);
  }));

it("takes no answer of somebody else, and none twice", () =>
  withCall(async ({ questions, call, calls }) => {
    const asking = questions.ask("s", call, ask, {});
    expect(questions.answered("other", answer(1))).toBeUndefined();
    expect(calls.waits(call.row!.id)[0]!.answer).toBeNull();
    questions.answered("s", answer(1));
    questions.answered("s", { ...answer(1), result: { action: "decline" } });
    expect(await asking).toEqual(answer(1));
  }));

it("gives up when it was told how long to wait, and says so to the client", () =>
  withCall(async ({ questions, call, sent, strike, calls }) => {
    const asking = errorOf(() => questions.ask("s", call, ask, { timeout: 2_000 }));
    strike();
    expect(await asking).toMatchObject({ code: -32001, message: expect.stringContaining("2 s") });
    expect(sent[1]).toMatchObject({ method: "notifications/cancelled", params: { requestId: 1 } });
    expect(calls.waits(call.row!.id)).toEqual([]);
  }));

it("does not ask for what is cancelled, and ends what was asked for it", () =>
  withCall(async ({ questions, call, sent }) => {
    const stop = new AbortController();
    const [own, other] = [
      errorOf(() => questions.ask("s", call, ask, { signal: stop.signal })),
      errorOf(() => questions.ask("s", call, ask, {}))
    ];
    stop.abort();
    expect((await own).message).toContain("cancelled");
    call.cancelled.abort();
    expect((await other).message).toContain("cancelled");
    await errorOf(() => questions.ask("s", call, ask, {}));
    await errorOf(() => questions.ask("s", call, ask, { signal: stop.signal }));
    expect(sent.map((message) => ("method" in message ? message.method : ""))).toEqual([
      "elicitation/create",
      "elicitation/create",
      "notifications/cancelled",
      "notifications/cancelled"
    ]);
  }));

it("hears of progress, if it wants to", () =>
  withCall(async ({ questions, call, sent }) => {
    const heard: unknown[] = [];
    const asking = questions.ask(
      "s",
      call,
      { method: "sampling/createMessage" },
      { onprogress: (step) => heard.push(step) }
    );
    expect(sent[0]).toMatchObject({ params: { _meta: { progressToken: 1 } } });
    const progress = { method: "notifications/progress", params: { progressToken: 1, progress: 5 } } as const;
    questions.progressed("other", progress);
    questions.progressed("s", progress);
    questions.answered("s", answer(1));
    await asking;
    expect(heard).toMatchObject([{ progress: 5 }]);
  }));

it("keeps of too long an answer that there was one", () =>
  withCall(async ({ questions, call, calls }) => {
    const asking = questions.ask("s", call, ask, {});
    const long = { jsonrpc: "2.0", id: 1, result: { text: "x".repeat(2_000_000) } } as const;
    questions.answered("s", long);
    expect(await asking).toBe(long);
    expect(calls.waits(call.row!.id)[0]!.answer).toContain("too long to be kept");
  }));
