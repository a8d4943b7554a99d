// The Worker that is measured for every implementation of `agents`.
import { Agent, callable, routeAgentRequest } from "agents";
import { changeOne, entries, smallState, type LargeState, type SmallState } from "./shared.ts";

export class BenchAgent extends Agent<Cloudflare.Env, SmallState | LargeState> {
  static override options = { sendIdentityOnConnect: true };
  override initialState = smallState(0);

  override onRequest(): Response {
    return new Response("ok");
  }

  @callable()
  echo(value: unknown): unknown {
    return value;
  }

  @callable()
  setSmall(rev: number): number {
    this.setState(smallState(rev));
    return rev;
  }

  @callable()
  setLarge(rev: number): number {
    this.setState({ rev, items: "items" in this.state ? changeOne(this.state.items, rev) : entries(rev) });
    return rev;
  }

  @callable()
  setEntry(rev: number): number {
    this.setState({ items: "items" in this.state ? changeOne(this.state.items, rev) : entries(rev) });
    return rev;
  }
}

export default {
  async fetch(request, env) {
    return (await routeAgentRequest(request, env)) ?? new Response("not found", { status: 404 });
  }
} satisfies ExportedHandler<Cloudflare.Env>;
