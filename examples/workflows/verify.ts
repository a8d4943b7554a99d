// Uses the agent as its page does, and fails if it does not do as it should: node verify.ts [address]
import assert from "node:assert/strict";
import { AgentClient } from "agents/client";
import type { Expense, ExpenseRequest, ExpenseState } from "./src/shared.ts";

interface Desk {
  submit(request: ExpenseRequest): string;
  approve(id: string): void;
  refuse(id: string, reason: string): void;
  trail(id: string): string[];
}

const { host } = new URL(process.argv[2] ?? "http://localhost:8787");
const name = `verify-${Date.now()}`;
let changed = () => {};
const join = (user: string) =>
  new AgentClient<Desk, ExpenseState>({
    agent: "expense-agent",
    name,
    host,
    query: { user },
    onStateUpdate: () => changed()
  });
const [ada, bob, cleo] = ["ada", "bob", "cleo"].map(join) as [Client, Client, Client];
type Client = ReturnType<typeof join>;

/** The expense, once it is like this. */
async function until(id: string, isSo: (expense: Expense) => boolean): Promise<Expense> {
  for (;;) {
    const next = new Promise<void>((resolve) => (changed = resolve));
    const expense = ada.state?.expenses.find((other) => other.id === id);
    if (expense && isSo(expense)) return expense;
    await next;
  }
}
const has = (status: Expense["status"]) => (expense: Expense) => expense.status === status;

// A small expense takes one person, who is somebody else.
const lunch = await ada.stub.submit({ amount: 30, description: "Lunch" });
await until(lunch, has("waiting"));
await assert.rejects(ada.stub.approve(lunch), /of their own/);
await bob.stub.approve(lunch);
assert.deepEqual((await until(lunch, has("paid"))).approvedBy, ["bob"]);

// A large one takes two.
const trip = await ada.stub.submit({ amount: 2_500, description: "Trip" });
await until(trip, has("waiting"));
await bob.stub.approve(trip);
assert.equal((await until(trip, ({ approvedBy }) => approvedBy.length === 1)).status, "waiting");
await cleo.stub.approve(trip);
await until(trip, has("paid"));
assert.deepEqual(await ada.stub.trail(trip), ["requested by ada", "voted by bob", "voted by cleo", "approved by cleo"]);

// One refusal is enough.
const yacht = await ada.stub.submit({ amount: 90_000, description: "Yacht" });
await until(yacht, has("waiting"));
await cleo.stub.refuse(yacht, "We have one");
assert.equal((await until(yacht, has("refused"))).reason, "We have one");

for (const client of [ada, bob, cleo]) client.close();
console.log("Expenses are paid when people say so.");
