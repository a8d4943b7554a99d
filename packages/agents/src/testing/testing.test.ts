import { EmailMessage } from "cloudflare:email";
import { env, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { errorOf } from "../test/kit";
import { connect, controlClock, cut, drainQueue, evict, introspect, killAll, mailbox, type TestClock } from ".";

const recorder = (name: string) => env.Recorder.get(env.Recorder.idFromName(`testing ${name}`));
/** What its tasks did. */
const ranOf = (stub: ReturnType<typeof worker>) => runInDurableObject(stub, (agent) => agent.ran());
const worker = (name: string) => env.Worker.get(env.Worker.idFromName(`testing ${name}`));

let clock: TestClock | undefined;
afterEach(() => {
  clock?.restore();
  clock = undefined;
});

describe("connect", () => {
  // proves testing-your-agents#connect
  it("[G1] gives frames in their order, and what a call returns or throws", async () => {
    const connection = await connect(recorder("calls"), { query: "_pk=mine" });
    expect(await connection.nextFrame()).toMatchObject({ type: "cf_agent_identity", name: "testing calls" });
    expect(await connection.call("add", 1, 2)).toBe(3);
    expect(await errorOf(() => connection.call("boom"))).toMatchObject({ code: "CALL_FAILED", message: "boom!" });
    expect(await runInDurableObject(recorder("calls"), (agent) => agent.getConnection("mine")?.id)).toBe("mine");
  });

  it("[G1] says what came instead of a connection", async () => {
    const refusing = { fetch: async () => new Response("no seats", { status: 403 }) };
    expect((await errorOf(() => connect(refusing))).message).toBe("The agent opened no connection: 403 no seats");
  });

  it("[G1] asks a Worker for a URL, with headers", async () => {
    const asked: [string, string | null][] = [];
    const door = {
      fetch: (request: Request) => {
        asked.push([request.url, request.headers.get("cookie")]);
        return recorder("by worker").fetch(request);
      }
    };
    await connect(door, { url: "http://test/agents/recorder/one", query: "a=1", headers: { cookie: "s=1" } });
    expect(asked).toEqual([["http://test/agents/recorder/one?a=1", "s=1"]]);
  });
});

describe("an agent", () => {
  // proves testing-your-agents#ends
  it("[G2] that is evicted keeps its connections and what is stored, and nothing else", async () => {
    const stub = worker("evicted");
    const connection = await connect(stub);
    await runInDurableObject(stub, (agent) => void agent.errors.push("in memory"));
    await evict(stub);
    expect(await stub.thrown()).toEqual([]);
    expect(await connection.call("queueHere", "note", 1)).toEqual(expect.any(String));
  });

  it("[G2] that is cut loses its connections", async () => {
    const stub = recorder("cut");
    const connection = await connect(stub);
    await cut(stub);
    expect(await connection.closed).toMatchObject({ code: 1006 });
  });

  it("[G2] that is killed is there again", async () => {
    await recorder("killed").setState({ n: 1 });
    await killAll();
    expect(await runInDurableObject(recorder("killed"), ({ state }) => state as unknown)).toEqual({ n: 1 });
  });
});

describe("controlClock", () => {
  // proves testing-your-agents#clock
  it("[G3] lets schedules run when the test says so, in their order", async () => {
    const stub = worker("clock");
    clock = await controlClock(stub, new Date("2030-01-01T08:59:00Z"));
    await runInDurableObject(stub, async (agent) => {
      await agent.schedule("0 9 * * *", "note", "nine");
      await agent.schedule(30, "note", "soon");
      await agent.schedule(new Date("2030-01-03T00:00:00Z"), "note", "once");
    });
    const notes = async () => (await ranOf(stub)).map(({ value }) => value);
    await clock.advance(29_999);
    expect(await notes()).toEqual([]);
    await clock.advance(1);
    expect(await notes()).toEqual(["soon"]);
    await clock.advance(2 * 86_400_000);
    expect(await notes()).toEqual(["soon", "nine", "nine", "once"]);
    expect([clock.nowMs, Date.now()]).toEqual([Date.UTC(2030, 0, 3, 8, 59, 30), Date.UTC(2030, 0, 3, 8, 59, 30)]);
  });

  it("[G3] lets attempts wait for it, across an eviction too", async () => {
    const stub = worker("attempts");
    clock = await controlClock(stub);
    const retry = { maxAttempts: 2, baseDelayMs: 60_000, maxDelayMs: 60_000 };
    await runInDurableObject(stub, (agent) => agent.schedule(1, "failOnce", null, { retry }));
    await clock.advance(1_000);
    expect(await stub.ran()).toHaveLength(1);
    await evict(stub);
    await clock.advance(60_000);
    expect(await stub.ran()).toHaveLength(2);
  });

  it("[G3] is that of several agents", async () => {
    const [a, b] = [worker("one of two"), worker("two of two")];
    clock = await controlClock([a, b]);
    await runInDurableObject(a, (agent) => agent.schedule(20, "note", "a"));
    await runInDurableObject(b, (agent) => agent.schedule(10, "note", "b"));
    await clock.advance(15_000);
    expect([await a.ran(), await b.ran()]).toMatchObject([[], [{ value: "b" }]]);
  });

  it("[G3] takes over what was scheduled before it, and gives the time back", async () => {
    const stub = worker("before");
    const before = Date.now();
    await runInDurableObject(stub, (agent) => agent.schedule(3_600, "note", "later"));
    clock = await controlClock(stub);
    await clock.advance(3_600_000);
    expect(await stub.ran()).toMatchObject([{ value: "later" }]);
    clock.restore();
    expect(Date.now() - before).toBeLessThan(600_000);
  });
});

describe("drainQueue", () => {
  // proves testing-your-agents#drain-queue
  it("[G4] resolves when all has run that may run", async () => {
    const stub = worker("drained");
    await stub.queueAll(150);
    await drainQueue(stub);
    expect(await stub.ran()).toHaveLength(150);
    await drainQueue(stub);
  });

  it("[G4] leaves what waits for its time or for another attempt", async () => {
    const stub = worker("waiting");
    clock = await controlClock(stub);
    await stub.queueHere("note", "delayed", { delaySeconds: 60 });
    await stub.queueHere("failOnce", null, {
      queue: "other",
      retry: { maxAttempts: 2, baseDelayMs: 60_000, maxDelayMs: 60_000 }
    });
    await drainQueue(stub);
    expect((await ranOf(stub)).map(({ task }) => task)).toEqual(["failOnce"]);
    await clock.advance(60_000);
    await drainQueue(stub);
    expect((await ranOf(stub)).map(({ task }) => task).sort()).toEqual(["failOnce", "failOnce", "note"]);
  });
});

describe("introspect", () => {
  // proves testing-your-agents#introspect
  it("[G7] tells what an agent does and has, though its class does not allow inspect()", async () => {
    const stub = recorder("looked at");
    await stub.setState({ n: 1 });
    await connect(stub, { query: "_pk=a" });
    const found = await introspect(stub);
    expect(found).toMatchObject({ agent: "Recorder", name: "testing looked at", state: { n: 1 } });
    expect([found.connections.first.map(({ id }) => id), found.tables.cf_agents_state]).toEqual([["a"], 1]);
  });
});

describe("mailbox", () => {
  const letter = { from: "ada@example.com", to: "help@example.com", subject: "Help", text: "It burns." };

  // proves testing-your-agents#mailbox
  it("[G5] delivers a mail as the runtime does, and keeps what becomes of it", async () => {
    const seen: unknown[] = [];
    const delivery = await mailbox().deliver(
      {
        async email(message: ForwardableEmailMessage, _env: unknown, context: ExecutionContext) {
          seen.push(message.from, message.to, message.headers.get("subject"), message.rawSize > 100);
          seen.push((await new Response(message.raw).text()).endsWith("\r\n\r\nIt burns."));
          await message.forward("fire@example.com", new Headers({ "x-urgent": "1" }));
          context.waitUntil(Promise.resolve().then(() => message.setReject("full")));
          await message.reply({ from: message.to, to: message.from, raw: "Subject: Re" } as unknown as EmailMessage);
        }
      },
      env,
      letter
    );
    expect(seen).toEqual([letter.from, letter.to, "Help", true, true]);
    expect(delivery).toMatchObject({
      replies: [{ from: letter.to, to: letter.from, raw: "Subject: Re" }],
      forwards: [{ to: "fire@example.com", headers: { "x-urgent": "1" } }],
      rejected: "full"
    });
  });

  it("[G5] delivers MIME as it is, with headers that go over several lines", async () => {
    const raw = "From: a@x\r\nSubject: one\r\n two\r\nReceived: by 1\r\nReceived: by 2\r\n\r\nbody: no header";
    let headers: [string, string][] = [];
    const worker = { email: (message: ForwardableEmailMessage) => void (headers = [...message.headers]) };
    await mailbox().deliver(worker, env, { from: "a@x", to: "b@x", raw });
    expect(headers).toEqual([
      ["from", "a@x"],
      ["received", "by 1, by 2"],
      ["subject", "one two"]
    ]);
  });

  it("[G5] keeps what is sent by its binding", async () => {
    const mail = mailbox();
    await mail.binding.send({ from: { email: "a@x", name: "A" }, to: ["b@x", "c@x"], subject: "s", text: "t" });
    expect(mail.sent).toMatchObject([{ from: "a@x", to: "b@x, c@x", message: { subject: "s" } }]);
  });

  it("[G5] reads messages of the runtime's own class, whether their text is a stream or not", async () => {
    const mail = mailbox();
    const raw = "Message-ID: <1@x>\r\n\r\nhello";
    const worker = {
      async email(message: ForwardableEmailMessage) {
        await message.reply(new EmailMessage("b@x", "a@x", raw));
        await mail.binding.send(new EmailMessage("b@x", "c@x", new Blob([raw]).stream()));
      }
    };
    const { replies } = await mail.deliver(worker, env, { from: "a@x", to: "b@x" });
    expect([...replies, ...mail.sent]).toMatchObject([
      { from: "b@x", to: "a@x", raw },
      { from: "b@x", to: "c@x", raw }
    ]);
  });

  it("[G5] tells of a Worker that takes no mail", async () => {
    expect((await errorOf(() => mailbox().deliver({}, env, letter))).message).toBe("The Worker has no email handler");
  });
});
