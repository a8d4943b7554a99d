// Looking into agents, spans, and the test kit, as programs use them.
import { Agent, getAgentByName, type Connection, type Inspection, type Operation } from "agents";
import type { ObservabilityEvent } from "agents/observability";
import { openTelemetry, recordSpan } from "agents/observability/otel";
import { connect, controlClock, drainQueue, introspect, mailbox, ScriptedModel } from "agents/testing";
import type { LanguageModel } from "ai";
import { expectTypeOf } from "vitest";

export class Shop extends Agent {
  static override options = { inspect: true };
  override observability = openTelemetry();
  override authorize(connection: Connection<{ role: string }>, operation: Operation) {
    if (operation.type === "inspect") return connection.state?.role === "operator";
    return super.authorize(connection, operation);
  }
}

declare const shops: DurableObjectNamespace<Shop>;

export async function look() {
  const shop = await getAgentByName(shops, "one");
  // What comes through a stub still has its types.
  const report = await shop.inspect();
  expectTypeOf(report.tasks.queue.total).toEqualTypeOf<number>();
  expectTypeOf(report.tasks.schedules.first[0]!.type).toEqualTypeOf<"scheduled" | "delayed" | "cron" | "interval">();
  expectTypeOf(report.turns?.live?.phase).toEqualTypeOf<string | undefined>();
  expectTypeOf<Inspection["workflows"]>().not.toBeAny();
}

export const tailed = (event: ObservabilityEvent) => expectTypeOf(recordSpan(event)).toEqualTypeOf<boolean>();

export async function tested() {
  const shop = await getAgentByName(shops, "one");
  const connection = await connect(shop, { query: "_pk=a" });
  expectTypeOf(await connection.call<number>("count")).toEqualTypeOf<number>();
  const clock = await controlClock([shop], new Date());
  await clock.advance(1_000);
  await drainQueue(shop);
  expectTypeOf((await introspect(shop)).tables).toEqualTypeOf<Record<string, number>>();
  const worker = { email: (message: ForwardableEmailMessage, env: { A: string }) => message.forward(env.A) };
  const { replies } = await mailbox().deliver(worker, { A: "" }, { from: "a@x", to: "b@x" });
  expectTypeOf(replies[0]!.to).toEqualTypeOf<string>();
  // @ts-expect-error what has no alarm has no clock
  await controlClock({ fetch });
  expectTypeOf(new ScriptedModel("hi")).toExtend<LanguageModel>();
}
