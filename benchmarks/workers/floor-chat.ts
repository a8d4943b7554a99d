// The floor for chat.ts: a row for each message, and one for 25 chunks of the answer that is being given.
import { answerTo } from "./answer.ts";
import { FloorObject, route } from "./floor.ts";

interface Env {
  BenchChat: DurableObjectNamespace<BenchChat>;
}

interface Message {
  id: string;
  role: string;
  parts: { type: string; text: string }[];
}

interface Frame {
  type: string;
  id: string;
  messages: Message[];
  init: { body: string };
  message: Message;
  body: { answer?: string };
}

interface Chunk {
  type: string;
  delta: string;
}

const chunksPerRow = 25;

export class BenchChat extends FloorObject {
  protected override agent = "bench-chat";
  /** The clients of our extension get what is new, others all messages. */
  #extended = false;
  #revision = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql.exec(
      `CREATE TABLE IF NOT EXISTS messages (n INTEGER PRIMARY KEY, id TEXT UNIQUE, json TEXT);
      CREATE TABLE IF NOT EXISTS chunks (n INTEGER PRIMARY KEY, json TEXT)`
    );
  }

  override fetch(request: Request): Response {
    this.#extended = request.url.includes("_agents_ext=1");
    return super.fetch(request);
  }

  protected override greet(socket: WebSocket): void {
    if (this.#extended) socket.send(JSON.stringify({ type: "cf_agent_chat_snapshot", revision: this.#revision }));
  }

  override async webSocketMessage(socket: WebSocket, text: string): Promise<void> {
    const frame = JSON.parse(text) as Frame;
    switch (frame.type) {
      case "cf_agent_chat_messages":
        return frame.messages.forEach((message) => this.#save(message));
      case "cf_agent_chat_operation": {
        const { id, message, body } = frame;
        this.#save(message);
        socket.send(JSON.stringify({ type: "cf_agent_chat_accepted", id, revision: ++this.#revision }));
        this.#others(socket, this.#delta(message));
        return this.#answer(socket, id, body.answer ?? message.parts[0]!.text);
      }
      case "cf_agent_use_chat_request": {
        const { messages, answer } = JSON.parse(frame.init.body) as { messages: Message[]; answer?: string };
        const message = messages.at(-1)!;
        this.#save(message);
        this.#others(socket, JSON.stringify({ type: "cf_agent_chat_messages", messages }));
        return this.#answer(socket, frame.id, answer ?? message.parts[0]!.text);
      }
    }
  }

  async #answer(socket: WebSocket, id: string, question: string): Promise<void> {
    const turnId = this.#extended ? crypto.randomUUID() : undefined;
    const message = { id: crypto.randomUUID(), role: "assistant", parts: [{ type: "text", text: "" }] };
    const decoder = new TextDecoder();
    const reader = answerTo(question).body!.getReader();
    let unsaved: string[] = [];
    let seq = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const line of decoder.decode(value, { stream: true }).split("\n")) {
        if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
        const body = line.slice("data: ".length);
        const chunk = JSON.parse(body) as Chunk;
        if (chunk.type === "text-delta") message.parts[0]!.text += chunk.delta;
        seq++;
        if (unsaved.push(body) === chunksPerRow) {
          this.sql.exec("INSERT INTO chunks (json) VALUES (?)", unsaved.join("\n"));
          unsaved = [];
        }
        const place = turnId && { turnId, seq };
        this.broadcast(JSON.stringify({ type: "cf_agent_use_chat_response", ...place, id, body, done: false }));
      }
    }
    this.#save(message);
    this.sql.exec("DELETE FROM chunks");
    this.#revision++;
    if (turnId) this.#others(socket, this.#delta(message));
    const revision = turnId && { turnId, seq: seq + 1, revision: this.#revision };
    this.broadcast(JSON.stringify({ type: "cf_agent_use_chat_response", id, body: "", done: true, ...revision }));
  }

  #save(message: Message): void {
    this.sql.exec("INSERT OR REPLACE INTO messages (id, json) VALUES (?, ?)", message.id, JSON.stringify(message));
  }

  #delta(message: Message): string {
    return JSON.stringify({ type: "cf_agent_chat_delta", revision: this.#revision, upsert: [{ message }] });
  }

  #others(socket: WebSocket, frame: string): void {
    for (const other of this.ctx.getWebSockets()) if (other !== socket) other.send(frame);
  }
}

export default {
  fetch: (request, env) => route(env.BenchChat, request)
} satisfies ExportedHandler<Env>;
