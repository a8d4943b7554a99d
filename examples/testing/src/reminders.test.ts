// src/reminders.test.ts
import { env } from "cloudflare:workers";
import { getAgentByName } from "agents";
import { connect, controlClock, drainQueue, introspect, mailbox, type TestClock } from "agents/testing";
import { afterEach, expect, it } from "vitest";
import worker from "./server";

let clock: TestClock | undefined;
afterEach(() => clock?.restore());

it("rings when it is time, and not before", async () => {
  const reminders = await getAgentByName(env.Reminders, "ada");
  const connection = await connect(reminders);
  clock = await controlClock(reminders, new Date("2030-01-01T09:00:00Z"));
  await connection.call("remind", "stand up", 3_600);
  await clock.advance(3_599_000);
  expect((await introspect(reminders)).tasks.schedules.total).toBe(1);
  await clock.advance(1_000);
  expect(await connection.next("reminder")).toEqual({ type: "reminder", text: "stand up" });
});

it("welcomes whoever signs up", async () => {
  const reminders = await getAgentByName(env.Reminders, "welcome");
  await (await connect(reminders)).call("signUp", "ada@example.com");
  await drainQueue(reminders);
  const { tasks, deadLetters, tables } = await introspect(reminders);
  expect([tasks.queue.total, deadLetters.total, tables.welcomed]).toEqual([0, 0, 1]);
});

it("hands mail to the team, but for advertisements", async () => {
  const mail = mailbox();
  const letter = { from: "ada@example.com", to: "hello@example.com", text: "…" };
  const { forwards } = await mail.deliver(worker, env, { ...letter, subject: "A question" });
  expect(forwards).toMatchObject([{ to: "team@example.com" }]);
  const { rejected } = await mail.deliver(worker, env, { ...letter, subject: "WIN a car" });
  expect(rejected).toBe("No advertisements");
});
