// Checked by `tsc`; nothing here runs.
/* oxlint-disable typescript/no-explicit-any */
import { expectTypeOf } from "vitest";
import {
  AgentClient,
  type AgentMethods,
  type OptionalAgentMethods,
  type RequiredAgentMethods,
  type RPCMethods
} from ".";

/** The shape of the server's `Agent`, which a client does not import. Its state is `any` when it is left out. */
declare class Agent<Env = { AI: object }, State = any, Props extends object = Record<string, unknown>> {
  private host: object;
  protected env: Env;
  protected ctx: { storage: object };
  initialState: State;
  get name(): string;
  get state(): State;
  setState(state: State): void;
  onStart(props?: Props): void | Promise<void>;
  onRequest(request: Request): Response | Promise<Response>;
  onStateChanged(state: State, source: "server" | { id: string }): void;
  sql<Row>(strings: TemplateStringsArray, ...values: unknown[]): Row[];
  schedule(when: number | Date, callback: keyof this & string, payload?: unknown): { id: string };
  broadcast(message: string, without?: string[]): void;
  __agentStart(message: { name?: string }): Promise<void>;
}

declare class StreamingResponse<Chunk = unknown, Final = unknown> {
  private id: string;
  get isClosed(): boolean;
  send(chunk: Chunk): Promise<boolean>;
  write(chunk: Chunk): Promise<boolean>;
  end(final?: Final): void;
  error(message: string): void;
}

type GameState = { state: "playing" | "over"; score: number };
type User = { id: string; name: string; tags: readonly string[]; address?: { city: string } };
type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

declare class Game extends Agent<object, GameState> {
  score: number;
  greet(name: string): string;
  find(id: string, options?: { deep: boolean }): Promise<User | undefined>;
  reset(): void;
  list(limit?: number): Promise<User[]>;
  echo(value: unknown): unknown;
  tree(value: Json): Promise<Json>;
  anything(...values: any[]): any;
  count(stream: StreamingResponse<number, "end">, to: number): Promise<void>;
  generate(stream: StreamingResponse, prompt: string): Promise<void>;
  since(date: Date): number;
  when(): Promise<Date>;
  each(run: (user: User) => void): void;
  raw(): Response;
  sum(values: Map<string, number>): number;
  big(): bigint;
  onRequest(request: Request): Response;
  _internal(): string;
  protected helper(): string;
}

// What is callable: its own methods that speak JSON.
type Callable = "greet" | "find" | "reset" | "list" | "echo" | "tree" | "anything" | "count" | "generate";
expectTypeOf<keyof AgentMethods<Game>>().toEqualTypeOf<Callable>();
expectTypeOf<keyof AgentMethods<Agent>>().toBeNever();
expectTypeOf<keyof RequiredAgentMethods<Game>>().toEqualTypeOf<
  "greet" | "find" | "echo" | "tree" | "count" | "generate"
>();
expectTypeOf<keyof OptionalAgentMethods<Game>>().toEqualTypeOf<"reset" | "list" | "anything">();
expectTypeOf<RPCMethods<Game>["greet"]>().toEqualTypeOf<(name: string) => Promise<string>>();

declare const game: AgentClient<Game>;

// The stub.
expectTypeOf(game.stub.greet("World")).toEqualTypeOf<Promise<string>>();
expectTypeOf(game.stub.find("1", { deep: true })).toEqualTypeOf<Promise<User | undefined>>();
expectTypeOf(game.stub.reset()).toEqualTypeOf<Promise<void>>();
expectTypeOf(game.stub.list()).toEqualTypeOf<Promise<User[]>>();
expectTypeOf(game.stub.count(3)).toEqualTypeOf<Promise<"end" | undefined>>();
expectTypeOf(game.stub.generate("prompt")).toEqualTypeOf<Promise<unknown>>();
// @ts-expect-error an argument of another type
void game.stub.greet(123);
// @ts-expect-error a missing argument
void game.stub.greet();
// @ts-expect-error no such method
void game.stub.nonExistent();
// @ts-expect-error a method of every agent
void game.stub.setState({ state: "over", score: 1 });

// `call`.
expectTypeOf(game.call("greet", ["World"])).toEqualTypeOf<Promise<string>>();
expectTypeOf(game.call("reset")).toEqualTypeOf<Promise<void>>();
expectTypeOf(game.call("reset", [], { timeout: 10 })).toEqualTypeOf<Promise<void>>();
void game.call("count", [3], {
  stream: {
    onChunk: (chunk) => expectTypeOf(chunk).toEqualTypeOf<number>(),
    onDone: (final) => expectTypeOf(final).toEqualTypeOf<"end" | undefined>(),
    onError: (message) => expectTypeOf(message).toEqualTypeOf<string>()
  }
});
void game.call("count", [3], { onChunk: (chunk) => expectTypeOf(chunk).toEqualTypeOf<number>() });
void game.call("generate", ["prompt"], { onChunk: (chunk: string) => chunk.length });
expectTypeOf(game.call<number>("onlyOnTheServer", [1])).toEqualTypeOf<Promise<number>>();
// @ts-expect-error arguments are needed
void game.call("greet");
// @ts-expect-error an argument of another type
void game.call("greet", [1]);
// @ts-expect-error no such method
void game.call("nonExistent");

// `stream`.
async function streams(): Promise<void> {
  const stream = game.stream("count", [3]);
  for await (const chunk of stream) expectTypeOf(chunk).toEqualTypeOf<number>();
  expectTypeOf(await stream.final).toEqualTypeOf<"end" | undefined>();
  for await (const chunk of game.stream("generate", ["prompt"], { signal: AbortSignal.timeout(1) })) {
    expectTypeOf(chunk).toBeUnknown();
  }
  for await (const chunk of game.stream<string, number>("onlyOnTheServer")) expectTypeOf(chunk).toBeString();
  for await (const chunk of untyped.stream("whatever", [1])) expectTypeOf(chunk).toBeAny();
  // @ts-expect-error a method that does not stream
  void game.stream("greet", ["World"]);
  // @ts-expect-error an argument of another type
  void game.stream("count", ["3"]);
}
void streams();
void game.call("greet", ["World"], { signal: AbortSignal.timeout(1), idempotent: true });
game.setState({ state: "over", score: 1 }, { ifRevision: true });
expectTypeOf(game.connectionError?.closeCode).toEqualTypeOf<number | undefined>();

// The state: the agent's own, even when it has a member that is called `state`.
expectTypeOf(game.state).toEqualTypeOf<GameState | undefined>();
game.setState({ state: "over", score: 1 });
// @ts-expect-error not the state
game.setState({ score: 1 });

// Some methods left out.
declare const fewer: AgentClient<Omit<Game, "greet">>;
expectTypeOf<keyof typeof fewer.stub>().toEqualTypeOf<Exclude<Callable, "greet">>();
expectTypeOf(fewer.state).toEqualTypeOf<GameState | undefined>();

// The state stated beside the agent.
declare const stated: AgentClient<Game, { score: number }>;
expectTypeOf(stated.state).toEqualTypeOf<{ score: number } | undefined>();
expectTypeOf(stated.stub.greet("x")).toEqualTypeOf<Promise<string>>();

// Only the state.
declare const stateOnly: AgentClient<GameState>;
expectTypeOf(stateOnly.state).toEqualTypeOf<GameState | undefined>();
expectTypeOf(stateOnly.call("whatever", [1])).toEqualTypeOf<Promise<any>>();
declare const listOnly: AgentClient<string[]>;
expectTypeOf(listOnly.state).toEqualTypeOf<string[] | undefined>();
expectTypeOf(listOnly.call("whatever")).toEqualTypeOf<Promise<any>>();
declare const recordOnly: AgentClient<Record<string, number>>;
expectTypeOf(recordOnly.state).toEqualTypeOf<Record<string, number> | undefined>();

// A state of which the agent says nothing.
declare class Free extends Agent {
  ping(): "pong";
}
declare const free: AgentClient<Free>;
expectTypeOf(free.state).toBeAny();
expectTypeOf(free.stub.ping()).toEqualTypeOf<Promise<"pong">>();

// A contract instead of a class.
declare const contract: AgentClient<{ add(a: number, b: number): number }, { n: number }>;
expectTypeOf(contract.stub.add(1, 2)).toEqualTypeOf<Promise<number>>();
expectTypeOf(contract.state).toEqualTypeOf<{ n: number } | undefined>();

// Nothing stated, as the documentation's examples do.
const untyped = new AgentClient({ agent: "game-agent", onStateUpdate: (state) => state.score });
expectTypeOf(untyped.state).toBeAny();
expectTypeOf(untyped.stub).toEqualTypeOf<Record<string, (...args: any[]) => Promise<any>>>();
untyped.setState({ ...untyped.state, score: 100 });
void untyped.call("getPermissions").then((permissions) => permissions.canEdit);

// A state that only its callback states.
const inferred = new AgentClient({ agent: "a", onStateUpdate: (state: { n: number }) => state.n });
expectTypeOf(inferred.stub).toEqualTypeOf<Record<string, (...args: any[]) => Promise<any>>>();

// Any client is a client, and the documentation's retry compiles.
async function callWithRetry<T>(agent: AgentClient, method: string, args: unknown[] = []): Promise<T> {
  try {
    return await agent.call(method, args);
  } catch {
    await agent.ready;
    return await agent.call(method, args);
  }
}
expectTypeOf(callWithRetry<number>(game, "greet", ["x"])).toEqualTypeOf<Promise<number>>();
void callWithRetry(stateOnly, "x");

// The socket's own events.
game.addEventListener("open", () => {});
game.addEventListener("close", (event) => expectTypeOf(event.code).toEqualTypeOf<number>());
game.addEventListener("message", (event) => expectTypeOf(event).toEqualTypeOf<MessageEvent>());
game.addEventListener("message", () => {}, { once: true, signal: new AbortController().signal });

// Large and recursive types end.
type Part = { type: "text"; text: string } | { type: "tool"; input: unknown; output?: Json; parts: Part[] };
type Message<Meta = unknown, Data extends Record<string, unknown> = Record<string, unknown>> = {
  id: string;
  parts: Part[];
  metadata?: Meta;
  data: { [Key in keyof Data]: { key: Key; value: Data[Key]; children: Message<Meta, Data>[] } };
  parent?: Message<Meta, Data>;
};
declare class Chat<Data extends Record<string, unknown>> extends Agent<object, { messages: Message<Json, Data>[] }> {
  history(): Promise<Message<Json, Data>[]>;
  edit(message: Message<Json, Data>): Promise<Message<Json, Data>>;
}
declare const chat: AgentClient<Chat<Record<"a" | "b" | "c" | "d", Json>>>;
expectTypeOf<keyof typeof chat.stub>().toEqualTypeOf<"history" | "edit">();
function generic<Data extends Record<string, unknown>>(client: AgentClient<Chat<Data>>): unknown {
  return client.name;
}
void generic(chat);
