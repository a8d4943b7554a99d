import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { costOf, evict } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { ask, begin, call, Events, post } from "../../test/mcp-kit";

const handler = Toolbox.serve("/mcp");

async function prepare() {
  const headers = await begin(handler);
  const stub = env.Toolbox.get(env.Toolbox.idFromName(`streamable-http:${headers["mcp-session-id"]}`));
  const echo = async () => new Events(await ask(handler, post(call(1, "echo", { text: "x" }), headers))).message();
  await echo();
  return { stub, echo };
}

const verbs = (statements: readonly string[]) => statements.map((statement) => statement.split(/\s/, 1)[0]);

it("a call takes six or seven statements, three of which write, beside what the end of the call before leaves to it", async () => {
  const { stub, echo } = await prepare();
  const { statements, rowsWritten } = await costOf(stub, echo);
  const counts = (verb: string) => verbs(statements).filter((other) => other === verb).length;
  // A client has its answer before the object has heard that it went out; and the socket comes while the call runs, or after it.
  const before = counts("DELETE") - 1;
  expect(statements.length, statements.join("\n")).toBeLessThanOrEqual(7 + 2 * before);
  expect([counts("INSERT"), before <= 1]).toEqual([2, true]);
  // Two tables have an index.
  expect(rowsWritten).toBeLessThanOrEqual(7 + 3 * before);
});

it("an unknown session takes none that writes, and leaves no tables", async () => {
  const stub = env.Toolbox.get(env.Toolbox.idFromName("streamable-http:nobody"));
  const unknown = { "mcp-session-id": "nobody" };
  await ask(handler, post(call(1, "echo", { text: "x" }), unknown));
  const cost = await costOf(stub, () => ask(handler, post(call(1, "echo", { text: "x" }), unknown)));
  expect([cost.statements, cost.rowsWritten]).toEqual([[], 0]);
});

it("a wake adds what looks through the log, and a few that read", async () => {
  const { stub, echo } = await prepare();
  await evict(stub);
  const { statements } = await costOf(stub, echo);
  expect(verbs(statements).filter((verb) => verb !== "SELECT")).toEqual(["DELETE", "INSERT", "DELETE", "INSERT"]);
});
