import { env, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { approvalsOf, type Approvals } from "../approvals";
import { subscribe } from "../observability/observability";
import { Approver } from "../test/approval-agents";
import { connect, connectExtended, costOf, errorOf, evict, killAll, makeDue } from "../test/kit";

const approver = (name: string) => env.Approver.get(env.Approver.idFromName(`approvals ${name}`));
type Stub = ReturnType<typeof approver>;

const within = <Result>(stub: Stub, run: (approvals: Approvals, agent: Approver) => Result) =>
  runInDurableObject(stub, (agent) => run(approvalsOf(agent), agent as unknown as Approver));
const toldOf = (stub: Stub) =>
  runInDurableObject(stub, (_, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'told'").toArray().length === 0
      ? []
      : storage.sql
          .exec<{ id: string; status: string }>("SELECT * FROM told")
          .toArray()
          .map(({ id, status }) => `${id} ${status}`)
  );
const alarmOf = (stub: Stub) => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
const ask = (stub: Stub, id: string, fields: object = {}) =>
  within(stub, (approvals) =>
    approvals.request({ id, source: "shared", subject: "refund", args: { order: 7 }, ...fields })
  );
const yes = { approved: true, by: "ada" };

afterEach(() => {
  vi.useRealTimers();
  Approver.afterwards.clear();
});

describe("in an agent", () => {
  // proves human-in-the-loop#outages
  it("[A1] request, decision and handler may each be in another life of the instance", async () => {
    let stub = approver("lives");
    await ask(stub, "r");
    await evict(stub);
    Approver.afterwards.set("approvals lives", () => new Promise(() => {}));
    await within(stub, (approvals) => approvals.decide("r", yes));
    await killAll();
    stub = approver("lives");
    Approver.afterwards.clear();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 6_000 });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect([await toldOf(stub), await alarmOf(stub)]).toEqual([["r approved", "r approved"], null]);
    expect(await within(stub, (approvals) => approvals.list({ undelivered: true }))).toEqual([]);
  });

  // proves human-in-the-loop#auto-reject, human-in-the-loop#unavailable
  it("[A18] expires by the alarm of the agent in a life in which nobody has asked for its approvals", async () => {
    const stub = approver("expires");
    const expiresMs = Date.now() + 3_600_000;
    await ask(stub, "r", { expiresMs });
    expect(await alarmOf(stub)).toBe(expiresMs);
    expect(await within(stub, (_, agent) => agent.whyAwake().alarm)).toEqual([{ name: "approvals", atMs: expiresMs }]);
    vi.useFakeTimers({ toFake: ["Date"], now: expiresMs });
    await makeDue(stub, "approvals");
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect([await toldOf(stub), await alarmOf(stub)]).toEqual([["r expired"], null]);
  });

  it("[A9] the handler has the agent's context and may write, whoever decided; what it throws goes to onError", async () => {
    const stub = approver("context");
    await ask(stub, "r", { source: "program" });
    const client = await connect(stub);
    expect(await client.call("approve", "r")).toMatchObject({ success: true, result: { status: "approved" } });
    Approver.afterwards.set("approvals context", () => {
      throw new Error("thrown in a handler");
    });
    await ask(stub, "s");
    await within(stub, (approvals) => approvals.decide("s", yes));
    const { contexts, errors, last } = await within(stub, (_, agent) => ({
      contexts: agent.contexts,
      errors: agent.errors,
      last: agent.state.last as string
    }));
    expect(contexts).toEqual([
      { own: true, connection: undefined },
      { own: true, connection: undefined }
    ]);
    expect([errors, last]).toEqual([["Error: thrown in a handler"], "s"]);
  });

  it("[A2] gives a client the code of a refusal", async () => {
    const stub = approver("refusals");
    await ask(stub, "r", { scope: "billing" });
    const client = await connectExtended(stub);
    expect(await client.call("approve", "r")).toMatchObject({
      success: false,
      code: "APPROVAL_FORBIDDEN",
      error: 'To decide this takes the right "billing"'
    });
  });

  it("[A15] it is one object, made at the first use", async () => {
    await within(approver("once"), (approvals, agent) => {
      expect([approvalsOf(agent) === approvals, approvals.name]).toEqual([true, "approvals"]);
    });
  });

  it("[A18] each request, decision and end is an event", async () => {
    const events: unknown[] = [];
    const stop = subscribe("lifecycle", ({ type, payload }) => {
      if (type.startsWith("approval:")) events.push([type, payload]);
    });
    const stub = approver("events");
    await ask(stub, "r");
    await within(stub, (approvals) => approvals.decide("r", yes));
    await ask(stub, "s");
    await within(stub, (approvals) => approvals.cancel("s"));
    stop();
    const about = (id: string) => ({ id, source: "shared", subject: "refund" });
    expect(events).toEqual([
      ["approval:request", about("r")],
      ["approval:decide", { ...about("r"), createdMs: expect.any(Number), decision: "approved", by: "ada" }],
      ["approval:request", about("s")],
      ["approval:decide", { ...about("s"), createdMs: expect.any(Number), decision: "cancelled" }]
    ]);
  });
});

describe("[A15] the cost", () => {
  const statementsOf = async (stub: Stub, run: (approvals: Approvals) => unknown) => {
    await within(stub, () => {});
    return (await costOf(stub, () => within(stub, (approvals) => void run(approvals)))).statements;
  };

  it("of approvals that nobody has asked for anything is nothing", async () => {
    const stub = approver("unused");
    await stub.setState({});
    const reads = (approvals: Approvals) => {
      approvals.onDecided("shop", () => {});
      return [
        approvals.get("x"),
        approvals.list(),
        approvals.grants(),
        approvals.revoke("x"),
        approvals.redeliver("x")
      ];
    };
    expect(await statementsOf(stub, reads)).toEqual([]);
    const tables = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name LIKE 'cf_agents_appr%'").toArray()
    );
    expect([tables, await alarmOf(stub)]).toEqual([[], null]);
  });

  it("of a request is 3 statements, of one with an end 3 more for the first alarm and none for a later one", async () => {
    const stub = approver("request cost");
    await ask(stub, "first");
    const plain = await statementsOf(stub, (approvals) => approvals.request({ subject: "s" }));
    const expiresMs = Date.now() + 3_600_000;
    const ending = await statementsOf(stub, (approvals) => approvals.request({ subject: "s", expiresMs }));
    const later = await statementsOf(stub, (approvals) =>
      approvals.request({ subject: "s", expiresMs: expiresMs + 1 })
    );
    expect([plain.length, ending.slice(3).map((text) => text.slice(0, 10)), later.length], plain.join("\n")).toEqual([
      3,
      ["SELECT min", "INSERT OR ", "setAlarm"],
      3
    ]);
  });

  it("of a decision is 4 statements with a handler that returns at once, 3 without; of the same again 1", async () => {
    const stub = approver("decision cost");
    for (const id of ["r", "s"]) await ask(stub, id, id === "s" ? { source: "nobody" } : {});
    await runInDurableObject(
      stub,
      (agent) => void (agent as unknown as Approver).told({ id: "0", status: "rejected" } as never)
    );
    const decide = (id: string) => statementsOf(stub, (approvals) => approvals.decide(id, yes));
    const first = (await decide("r")).filter((text) => !/told|cf_agents_state/.test(text));
    expect([first.length, (await decide("s")).length, (await decide("r")).length], first.join("\n")).toEqual([4, 3, 1]);
  });

  it("of a list of what is pending does not grow with what is decided", async () => {
    const stub = approver("list cost");
    await within(stub, (approvals) => {
      for (let n = 0; n < 200; n++) approvals.cancel(approvals.request({ subject: "s" }).id);
      for (let n = 0; n < 3; n++)
        approvals.request({ subject: "s", expiresMs: n === 0 ? Date.now() + 9_000_000 : undefined });
    });
    const { statements, rowsRead } = await costOf(stub, () =>
      within(stub, (approvals) => approvals.list({ status: "pending" }).length)
    );
    expect([statements.length, rowsRead <= 12], `${rowsRead} rows`).toEqual([1, true]);
    const wake = await costOf(stub, () => within(stub, (approvals) => approvals.nextWake()));
    expect([wake.statements.length, wake.rowsRead <= 6], `${wake.rowsRead} rows`).toEqual([1, true]);
  });
});

describe("[A14] over HTTP", () => {
  const url = "http://test/agents/approver/desk/approvals";
  const fetchAs = async (stub: Stub, path: string, init: RequestInit & { user?: string; rights?: string } = {}) => {
    const headers = new Headers(init.headers);
    if (init.user !== undefined) headers.set("user", init.user);
    if (init.rights !== undefined) headers.set("rights", init.rights);
    const response = await stub.fetch(new Request(url + path, { ...init, headers }));
    const text = await response.text();
    return {
      status: response.status,
      body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : text
    };
  };
  const post = (stub: Stub, path: string, body: unknown, as: object = { user: "ada", rights: "billing" }) =>
    fetchAs(stub, path, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json" },
      ...as
    });

  // proves human-in-the-loop#escalation
  it("a viewer sees and decides what their rights allow, and the trail says so", async () => {
    const stub = approver("http");
    await ask(stub, "a b", { scope: "billing", context: { secret: true } });
    await ask(stub, "other", { scope: "shipping" });
    await ask(stub, "open");
    const list = await fetchAs(stub, "?status=pending&limit=10", { user: "ada", rights: "billing" });
    const { approvals } = list.body as { approvals: { id: string; argsHash: string }[] };
    expect([list.status, approvals.map(({ id }) => id), "context" in approvals[1]!]).toEqual([
      200,
      ["open", "a b"],
      false
    ]);
    expect((await fetchAs(stub, "?limit=1&before=open&source=shared&subject=refund", { user: "eve" })).body).toEqual({
      approvals: []
    });
    const shown = await fetchAs(stub, "/a%20b", { user: "ada", rights: "billing" });
    expect([shown.status, shown.body]).toMatchObject([
      200,
      { approval: { id: "a b", status: "pending" }, audit: [{ event: "requested" }, { event: "viewed", by: "ada" }] }
    ]);
    const { argsHash } = approvals[1]!;
    const decided = await post(stub, "/a%20b", {
      approved: true,
      argsHash,
      comment: "fine",
      by: "mallory",
      rights: ["shipping"]
    });
    expect(decided).toMatchObject({
      status: 200,
      body: { approval: { status: "approved", decidedBy: "ada", comment: "fine" } }
    });
    expect("context" in (decided.body as { approval: object }).approval).toBe(false);
    expect(await toldOf(stub)).toEqual(["a b approved"]);
  });

  it("refuses with a status, a code and a text that is ours", async () => {
    const stub = approver("http refusals");
    for (const id of ["open", "done"]) await ask(stub, id);
    await ask(stub, "closed", { scope: "x" });
    await within(stub, (approvals) => approvals.decide("done", yes));
    const ada = { user: "ada", rights: "billing" };
    const form = { method: "POST", body: '{"approved":true}', headers: { "content-type": "text/plain" }, ...ada };
    const answers = [
      await fetchAs(stub, ""),
      await post(stub, "/open", { approved: true }, {}),
      await fetchAs(stub, "/closed", ada),
      await post(stub, "/closed", { approved: true }),
      await fetchAs(stub, "/none", ada),
      await post(stub, "/none", { approved: true }),
      await post(stub, "/open", { approved: "yes" }),
      await post(stub, "/open", "{"),
      await post(stub, "/open", "null"),
      await post(stub, "/open", " ".repeat(1_000_001)),
      await post(stub, "/open", { approved: true, argsHash: "x" }),
      await post(stub, "/done", { approved: false }),
      await fetchAs(stub, "?limit=x", ada),
      await fetchAs(stub, "?status=x", ada),
      await fetchAs(stub, "/%ff", ada),
      await fetchAs(stub, "/open", form),
      await fetchAs(stub, "/open", { method: "DELETE", ...ada }),
      await post(stub, "", { approved: true })
    ];
    const line = ({ status, body }: (typeof answers)[number]) =>
      `${status} ${(body as { error: { code: string } }).error.code}`;
    expect(answers.map(line)).toEqual([
      "401 APPROVAL_FORBIDDEN",
      "401 APPROVAL_FORBIDDEN",
      "403 APPROVAL_FORBIDDEN",
      "403 APPROVAL_FORBIDDEN",
      "404 APPROVAL_UNKNOWN",
      "404 APPROVAL_UNKNOWN",
      "400 APPROVAL_INVALID",
      "400 APPROVAL_INVALID",
      "400 APPROVAL_INVALID",
      "400 APPROVAL_INVALID",
      "409 APPROVAL_CHANGED",
      "409 APPROVAL_DECIDED",
      "400 APPROVAL_INVALID",
      "400 APPROVAL_INVALID",
      "400 APPROVAL_INVALID",
      "415 APPROVAL_INVALID",
      "405 APPROVAL_INVALID",
      "405 APPROVAL_INVALID"
    ]);
    expect(await within(stub, (approvals) => approvals.get("open")?.status)).toBe("pending");
  });

  it("answers 410 for what is over", async () => {
    const stub = approver("http over");
    const expiresMs = Date.now() + 60_000;
    await ask(stub, "r", { expiresMs });
    vi.useFakeTimers({ toFake: ["Date"], now: expiresMs });
    expect((await post(stub, "/r", { approved: true })).status).toBe(410);
  });

  it("leaves other paths to the program", async () => {
    const { status, body } = await fetchAs(approver("http other"), "/a/b", { user: "ada" });
    expect([status, body]).toEqual([404, "Not found"]);
  });

  it("tells nothing of an error that is not ours, and reports it", async () => {
    const stub = approver("http broken");
    await ask(stub, "r");
    await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("DROP TABLE cf_agents_approval_audit"));
    const { status, body } = await post(stub, "/r", { approved: true });
    expect([status, body]).toEqual([500, { error: { code: "INTERNAL", message: "Internal error" } }]);
    const [error] = await within(stub, (_, agent) => agent.errors);
    expect(error).toContain("no such table");
    expect(await within(stub, (approvals) => approvals.get("r")?.status)).toBe("pending");
  });
});

it("[A2] codes survive the way through a stub", async () => {
  const error = await errorOf(() => approver("stub").decideByStub("none"));
  expect(error).toMatchObject({ code: "APPROVAL_UNKNOWN", message: "There is no approval with this id" });
});
