import type { UIMessage, UIMessageChunk } from "ai";
import { AIChatAgent, type OnChatMessageOptions } from "../index";
import type { ChatRecoveryPolicy } from "../turn/recovery";

/**
 * Says what the last question wants, piece by piece: others come between. The number in the name of the instance says how it
 * recovers, and what becomes of a question that comes meanwhile.
 */
export class Chatter extends AIChatAgent {
  override chatRecovery = recoveryOf(this.ctx.id.name ?? "");
  override chatConcurrency = (["queue", "latest", "merge", "drop"] as const)[
    Math.floor(numberIn(this.ctx.id.name) / 3) % 4
  ]!;

  override onChatMessage(_onFinish: unknown, { requestId, abortSignal }: OnChatMessageOptions) {
    const question = this.messages.findLast(({ role }) => role === "user");
    const part = question?.parts[0];
    const wanted = part?.type === "text" ? part.text : "";
    if (wanted.startsWith("throw")) throw new Error("no model today");
    if (wanted.startsWith("nothing")) return undefined;
    const chunks = wanted.startsWith("once") ? this.#once(requestId) : chunksFor(wanted, requestId);
    const encoder = new TextEncoder();
    const effect = () => {
      this.sql`CREATE TABLE IF NOT EXISTS effects (request TEXT)`;
      this.sql`INSERT INTO effects (request) VALUES (${requestId})`;
    };
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // A turn of the event loop, in which anything may come.
        await new Promise((resolve) => setTimeout(resolve, 0));
        const next = chunks.shift();
        if (!next || abortSignal.aborted) controller.close();
        else if (next === "die") controller.error(new Error("upstream is gone"));
        else {
          if (next.type === "tool-output-available") effect();
          controller.enqueue(encoder.encode(`data: ${JSON.stringify(next)}\n\n`));
        }
      }
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  /** A tool that has an effect, then words. Who is shown what became of the tool does not run it again. */
  #once(requestId: string) {
    const chunks = chunksFor("tool 3", requestId);
    const last = this.messages.at(-1);
    const wasCalled = last?.role === "assistant" && last.parts.some((part) => part.type === "tool-server");
    return wasCalled ? [chunks[0]!, ...chunks.slice(5)] : chunks;
  }

  /** How often the tool has had its effect. */
  effects() {
    this.sql`CREATE TABLE IF NOT EXISTS effects (request TEXT)`;
    return this.sql<{ n: number }>`SELECT count(*) AS n FROM effects`[0]!.n;
  }

  override onError() {}

  /** Resolves when no turn is under way. */
  async idle() {
    while (this.whyAwake().alarm.length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  persist(messages: unknown[]) {
    return this.persistMessages(messages as UIMessage[]);
  }
  async versions(messageId: string) {
    return (await this.branchesOf(messageId)).map(({ id }) => id);
  }
}

const numberIn = (name = ""): number => Number(/\d+/.exec(name)?.[0] ?? 0);

function recoveryOf(name: string): ChatRecoveryPolicy {
  const policies = ["resume", "ask", "off"] as const;
  return policies.find((policy) => name.startsWith(policy)) ?? policies[numberIn(name) % 3]!;
}

function chunksFor(wanted: string, requestId: string): (UIMessageChunk | "die")[] {
  const [kind, count = "1"] = wanted.split(" ");
  const words = Array.from({ length: Number(count) }, (_, n): UIMessageChunk => {
    return { type: "text-delta", id: "t", delta: `${requestId}.${n} ` };
  });
  const text: UIMessageChunk[] = [{ type: "text-start", id: "t" }, ...words, { type: "text-end", id: "t" }];
  const call = (toolName: string): UIMessageChunk => {
    return { type: "tool-input-available", toolCallId: `${requestId}-${toolName}`, toolName, input: {} };
  };
  const step: UIMessageChunk = { type: "start-step" };
  const end: UIMessageChunk = { type: "finish-step" };
  switch (kind) {
    case "tool":
      return [
        { type: "start" },
        step,
        call("server"),
        { type: "tool-output-available", toolCallId: `${requestId}-server`, output: count },
        end,
        step,
        ...text,
        end,
        { type: "finish" }
      ];
    case "ask":
      return [{ type: "start" }, step, ...text, call("client"), end, { type: "finish" }];
    case "die":
      return [{ type: "start" }, ...text.slice(0, -1), "die"];
    default:
      return [{ type: "start" }, ...text, { type: "finish" }];
  }
}
