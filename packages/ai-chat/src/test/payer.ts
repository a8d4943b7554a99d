import { callable, type Connection, type ConnectionContext } from "agents";
import { approvalsOf, type ApprovalChoice } from "agents/approvals";
import { convertToModelMessages, stepCountIs, streamText, tool } from "ai";
import { simulateReadableStream } from "ai/test";
import { MockModel } from "./mock-model";
import { z } from "zod";
import { AIChatAgent, type OnChatMessageOptions, type ToolApprovalOptions } from "../index";

type Prompt = Parameters<MockModel["doStream"]>[0]["prompt"];
type StreamPart =
  Awaited<ReturnType<MockModel["doStream"]>>["stream"] extends ReadableStream<infer Part> ? Part : never;
type User = { user: string; rights: string[] };

/**
 * Pays what it is asked to ("pay 5 7"), when somebody has approved it; then says what came of it. It knows nothing that is not in the
 * conversation, so it says the same in each life.
 */
export class Payer extends AIChatAgent {
  /** What it says of calls that wait. By the name of the instance. */
  static readonly rules = new Map<string, (toolName: string, input: unknown) => ToolApprovalOptions | undefined>();
  readonly errors: string[] = [];

  readonly #model = new MockModel({
    doStream: async ({ prompt }) => {
      this.sql`CREATE TABLE IF NOT EXISTS told (line TEXT)`;
      this.sql`INSERT INTO told VALUES (${linesOf(prompt.at(-1)!).join(", ")})`;
      return {
        stream: simulateReadableStream({ chunks: chunksFor(prompt), initialDelayInMs: null, chunkDelayInMs: null })
      };
    }
  });

  override async onChatMessage(_onFinish: unknown, { abortSignal }: OnChatMessageOptions) {
    const result = streamText({
      model: this.#model,
      messages: await convertToModelMessages(this.messages),
      maxRetries: 0,
      tools: {
        pay: tool({
          inputSchema: z.object({ amount: z.coerce.number() }),
          needsApproval: true,
          execute: ({ amount }) => this.#pay(amount)
        }),
        count: tool({ inputSchema: z.object({ amount: z.number() }), execute: ({ amount }) => `counted ${amount}` })
      },
      stopWhen: stepCountIs(5),
      abortSignal,
      onError: () => {}
    });
    return result.toUIMessageStreamResponse();
  }

  #pay(amount: number) {
    this.sql`CREATE TABLE IF NOT EXISTS paid (amount)`;
    this.sql`INSERT INTO paid VALUES (${amount})`;
    return `paid ${amount}`;
  }

  override approvalOptions(toolName: string, input: unknown) {
    return Payer.rules.get(this.name)?.(toolName, input);
  }
  override approverOf(connection: Connection<User>) {
    const { user, rights } = connection.state ?? {};
    return user === undefined ? super.approverOf(connection) : { by: user, rights: rights! };
  }
  override onConnect(connection: Connection<User>, { request }: ConnectionContext) {
    const { searchParams } = new URL(request.url);
    const user = searchParams.get("user");
    if (user !== null) connection.setState({ user, rights: searchParams.getAll("right") });
  }
  override async onRequest(request: Request) {
    const answer = await approvalsOf(this).handle(request, { by: "http", rights: ["billing"] });
    return answer ?? new Response("Not found", { status: 404 });
  }
  override onError(connectionOrError: unknown, error?: unknown) {
    this.errors.push(String(error ?? connectionOrError));
  }

  @callable()
  decide(id: string, choice: Omit<ApprovalChoice, "by">) {
    return approvalsOf(this).decide(id, { by: "caller", rights: ["billing"], ...choice });
  }
  @callable()
  withdraw(id: string) {
    approvalsOf(this).cancel(id);
  }
  /** What there was to approve, the oldest first. */
  asked() {
    return approvalsOf(this)
      .list()
      .toReversed()
      .map(({ id, subject, status, args, context }) => ({
        id,
        subject,
        status,
        ...({ args, context } as { args: object; context: object })
      }));
  }
  trail(id: string) {
    return approvalsOf(this)
      .audit(id)
      .map(({ event, by, comment }) => [event, by, comment].filter((text) => text !== undefined).join(" "));
  }
  paid() {
    this.sql`CREATE TABLE IF NOT EXISTS paid (amount)`;
    return this.sql<{ amount: number }>`SELECT amount FROM paid`.map(({ amount }) => amount);
  }
  /** What the model was told last, each time it was asked. */
  told() {
    this.sql`CREATE TABLE IF NOT EXISTS told (line TEXT)`;
    return this.sql<{ line: string }>`SELECT line FROM told`.map(({ line }) => line);
  }
  /** Forgets what it paid, and what there was to approve. */
  forget() {
    this.sql`DELETE FROM paid`;
    approvalsOf(this).prune(Date.now() + 1);
  }
  reported() {
    return this.errors;
  }
  /** Resolves when no turn is under way. */
  async idle() {
    while (this.whyAwake().alarm.some(({ name }) => name === "chat"))
      await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function chunksFor(prompt: Prompt): StreamPart[] {
  const { role, content } = prompt.at(-1)!;
  const finish = (unified: "stop" | "tool-calls"): StreamPart => ({
    type: "finish",
    finishReason: { unified, raw: undefined },
    usage: {
      inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 0, text: 0, reasoning: 0 }
    }
  });
  const wanted = role === "user" && content[0]?.type === "text" ? content[0].text.split(" ") : [];
  const [toolName, ...amounts] = wanted;
  if (toolName !== "pay" && toolName !== "count") {
    return [
      { type: "text-start", id: "t" },
      { type: "text-delta", id: "t", delta: "that is all" },
      { type: "text-end", id: "t" },
      finish("stop")
    ];
  }
  const question = prompt.filter((message) => message.role === "user").length;
  const calls = amounts.map((amount): StreamPart => {
    const input = JSON.stringify({ amount: Number(amount) });
    return { type: "tool-call", toolCallId: `c${question}-${amount}`, toolName, input };
  });
  return [...calls, finish("tool-calls")];
}

function linesOf({ content }: Prompt[number]): string[] {
  if (typeof content === "string") return [content];
  return content.flatMap((part) => {
    if (part.type === "text") return [part.text];
    if (part.type !== "tool-result") return [];
    return ["value" in part.output ? String(part.output.value) : part.output.type];
  });
}
