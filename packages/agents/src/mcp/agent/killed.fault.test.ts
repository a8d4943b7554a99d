import { env } from "cloudflare:workers";
import { expect, it, onTestFinished, vi } from "vitest";
import { fault } from "../../test/fault";
import { killAll } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { ask, begin, call, Events, get, post } from "../../test/mcp-kit";

const handler = Toolbox.serve("/mcp");

/** A client that makes one call, answers its question, and comes back with what it has when it hears nothing more. */
class PatientClient {
  readonly #headers: Record<string, string>;
  readonly results: unknown[] = [];
  #last: string | undefined;
  #events: Events | undefined;
  readonly #answered = new Set<unknown>();

  constructor(headers: Record<string, string>) {
    this.#headers = headers;
  }

  /** Asks, unless it was asked and has heard of it; then listens to what it has not heard. */
  async work(id: string): Promise<void> {
    const request =
      this.#last === undefined
        ? post(call(id, "ask", { first: "?" }), this.#headers)
        : get({ ...this.#headers, "Last-Event-ID": this.#last });
    const events = new Events(await ask(handler, request));
    this.#events = events;
    for (let event = await events.next(); event; event = await events.next()) {
      this.#last = event.id;
      if (event.data === "") continue;
      const message = JSON.parse(event.data) as Record<string, unknown>;
      if (message.method === "elicitation/create") await this.#answer(message.id);
      else this.results.push(message);
      if (this.results.length > 0) return;
    }
  }

  /** An answer that was on its way when the server died is given again. */
  async again(id: string): Promise<void> {
    await this.#events?.cancel();
    // It came while this client gave up.
    if (this.results.length > 0) return;
    for (const question of this.#answered) await this.#answer(question);
    await this.work(id);
  }

  async #answer(id: unknown): Promise<void> {
    this.#answered.add(id);
    const answer = { jsonrpc: "2.0", id, result: { action: "accept", content: { value: "A" } } };
    await ask(handler, post(answer, this.#headers));
  }
}

/** Where the Worker runs; everything else is in the object. */
const inWorker = /\/mcp\/(http\/|agent\/(serve|serve-sse|relay|handler)\.ts)|\/core\/route/;

/** Ends what was stopped: a Worker that is gone is one that does not go on. */
const end = () => (inWorker.test(fault.stoppedAt ?? "") ? undefined : killAll());

it("a call with a question ends well, wherever the Worker or the object dies", async () => {
  const counted = new PatientClient(await begin(handler, { capabilities: { elicitation: {} } }));
  const points = await fault.count(() => counted.work("counted"));
  expect(counted.results).toMatchObject([{ id: "counted", result: { content: [{ text: "A" }] } }]);
  expect(points).toBeGreaterThan(20);
  // What clients get 500 for is logged.
  vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => void vi.restoreAllMocks());
  for (let n = 1; n <= points; n++) {
    const headers = await begin(handler, { capabilities: { elicitation: {} } });
    const client = new PatientClient(headers);
    const place = await fault.killAt(n, () => client.work("first"), end);
    // Who has heard nothing of a call cannot know of it, and calls again.
    if (client.results.length === 0) await client.again("second");
    const [result] = client.results as { id: string; result: unknown }[];
    expect([place, result?.result]).toEqual([place, { content: [{ type: "text", text: "A" }] }]);
    expect(client.results.length).toBe(1);
    const stub = env.Toolbox.get(env.Toolbox.idFromName(`streamable-http:${headers["mcp-session-id"]}`));
    // Only a call of which the client knows nothing may still wait for an answer.
    const { calls, waits } = (await stub.rows()) as { calls: number; waits: number };
    const forgotten = result?.id === "second" ? 1 : 0;
    expect([place, calls <= forgotten, waits <= forgotten]).toEqual([place, true, true]);
  }
}, 60_000);
