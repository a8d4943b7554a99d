import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startDev, type Dev } from "../harness/wrangler.ts";

const folder = fileURLToPath(new URL("../../examples/mcp-elicitation/", import.meta.url));

interface Message {
  id: number | string;
  method?: string;
  params?: { message: string };
  result?: { content: { text: string }[] };
}

/** A client that keeps nothing but its session and what it has heard last. */
class Client {
  #host = "";
  #session: string | undefined;
  #last: string | undefined;

  moveTo({ host }: Dev): void {
    this.#host = host;
  }

  async #fetch(method: "GET" | "POST", body?: object): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json, text/event-stream" };
    if (body) headers["Content-Type"] = "application/json";
    if (this.#session) headers["mcp-session-id"] = this.#session;
    if (!body && this.#last) headers["Last-Event-ID"] = this.#last;
    const response = await fetch(`http://${this.#host}/mcp`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) })
    });
    this.#session ??= response.headers.get("mcp-session-id") ?? undefined;
    return response;
  }

  async begin(): Promise<void> {
    const clientInfo = { name: "patient", version: "1.0.0" };
    const params = { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo };
    await (await this.#fetch("POST", { jsonrpc: "2.0", id: 0, method: "initialize", params })).text();
  }

  call(name: string, args: object): Promise<Response> {
    return this.#fetch("POST", { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } });
  }

  resume(): Promise<Response> {
    return this.#fetch("GET");
  }

  async answer(id: number | string, content: object): Promise<void> {
    const response = await this.#fetch("POST", { jsonrpc: "2.0", id, result: { action: "accept", content } });
    assert.equal(response.status, 202);
  }

  /** The next message of a stream. Then it hangs up. */
  async hear(response: Response): Promise<Message> {
    assert.equal(response.status, 200);
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const [, id, data] = /^id: (\S+)\ndata: (\{.*\})\n\n/m.exec(text) ?? [];
      if (data === undefined) continue;
      this.#last = id;
      return JSON.parse(data) as Message;
    }
    throw new Error(`The stream has ended: ${text}`);
  }
}

test("a tool that waits for its user goes on after the whole server was killed", async (context) => {
  const data = await mkdtemp(join(tmpdir(), "agents-mcp-killed-"));
  let dev: Dev | undefined;
  context.after(async () => {
    await dev?.stop();
    await rm(data, { recursive: true, force: true });
  });
  const client = new Client();
  const restart = async () => {
    // SIGKILL.
    await dev?.stop();
    dev = await startDev(folder, "--persist-to", data);
    client.moveTo(dev);
  };
  await restart();
  await client.begin();
  const where = await client.hear(await client.call("order", { article: "lamp" }));
  assert.match(where.params!.message, /Where shall we send/);
  await restart();
  await client.answer(where.id, { address: "1 High Street" });
  const sure = await client.hear(await client.resume());
  assert.match(sure.params!.message, /20 €/);
  await restart();
  await client.answer(sure.id, { sure: true });
  const done = await client.hear(await client.resume());
  assert.deepEqual([done.id, done.result?.content[0]?.text], [1, "Your lamp goes to 1 High Street. This is order 1."]);
});
