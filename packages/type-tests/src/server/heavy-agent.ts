import { Agent, callable, type Connection, type StreamingResponse } from "agents";
import { AIChatAgent } from "agents/ai-chat-agent";
import type { ToolSet, UIMessage } from "ai";

// Agents that use everything a class can have, for the types of clients.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Tree<Leaf> = { leaf?: Leaf; branches: Tree<Leaf>[]; byName: Map<string, Tree<Leaf>> };
export type Plan = { steps: { id: string; done: boolean; parts: Plan[] }[]; meta: Record<string, Json> };
export type HeavyState = { plan: Plan; users: Record<string, { name: string; roles: readonly ("admin" | "user")[] }> };

abstract class Base<State extends object, Extra extends Record<string, unknown>> extends Agent<
  Cloudflare.Env,
  State,
  { userId: string; extra?: Extra }
> {
  protected readonly tree: Tree<Extra> = { branches: [], byName: new Map() };
  protected abstract describe(): string;
  /** Of the base class, and callable. */
  @callable()
  baseMethod<Key extends keyof Extra & string>(key: Key): { key: Key } {
    return { key };
  }
}

export class HeavyAgent extends Base<HeavyState, { region: string }> {
  #secret = new Map<string, Promise<unknown>>();
  private cache = new WeakMap<object, Tree<Json>>();
  readonly limits = { max: 1 };
  initialState: HeavyState = { plan: { steps: [], meta: {} }, users: {} };
  protected describe() {
    return `${this.#secret.size} ${String(this.cache)}`;
  }
  private hidden(): number {
    return 1;
  }
  get computed(): number {
    return this.hidden();
  }
  static create() {}

  @callable()
  plan(goal: string, options?: { depth?: number; tags?: string[] }): Promise<Plan> {
    return Promise.resolve({ steps: [], meta: { goal, ...options } as Record<string, Json> });
  }
  overloaded(id: string): string;
  overloaded(id: number, deep: boolean): number[];
  @callable()
  overloaded(id: string | number, deep?: boolean): string | number[] {
    return typeof id === "string" ? id : [id, Number(deep)];
  }
  @callable()
  echo<Value extends Json>(value: Value): Value {
    return value;
  }
  @callable()
  rest(first: string, ...others: number[]): number {
    return first.length + others.length;
  }
  @callable()
  union(input: { kind: "a"; a: number } | { kind: "b"; b: string }): "a" | "b" {
    return input.kind;
  }
  @callable({ streaming: true })
  async stream(stream: StreamingResponse<{ text: string }, { tokens: number }>, prompt: string, temperature = 1) {
    await stream.send({ text: prompt });
    stream.end({ tokens: temperature });
  }
  // What no client can call, because JSON does not carry it.
  tools(): ToolSet {
    return {};
  }
  walk(visit: (tree: Tree<Json>) => void): void {
    visit({ branches: [], byName: new Map() });
  }
  when(): Date {
    return new Date();
  }
  override onConnect(connection: Connection<{ name: string }>) {
    connection.setState({ name: "x" });
  }
}

export class HeavyChat extends AIChatAgent<Cloudflare.Env, HeavyState> {
  initialState: HeavyState = { plan: { steps: [], meta: {} }, users: {} };
  @callable()
  history(limit: number): UIMessage[] {
    return this.messages.slice(-limit);
  }
  @callable()
  rename(title: string): { title: string } {
    return { title };
  }
}
