// What the conformance suite runs for each scenario: it has the agent do it, and goes where the user would have to go.
import type { Outcome, Task } from "./client.ts";

const [worker, url] = process.argv.slice(2) as [string, string];
const { MCP_CONFORMANCE_SCENARIO: scenario = "", MCP_CONFORMANCE_CONTEXT: context = "{}" } = process.env;
const agent = `${worker}/agents/tester/${crypto.randomUUID()}`;
// A server that refuses each time is not asked for ever.
const mostVisits = 3;

async function outcome(response: Promise<Response>): Promise<Outcome> {
  return (await response).json() as Promise<Outcome>;
}

const task: Task = { scenario, url, context: JSON.parse(context) as Task["context"] };
let result = await outcome(fetch(agent, { method: "POST", body: JSON.stringify(task) }));
for (let visits = 0; "authUrl" in result && visits < mostVisits; visits++) {
  // The user agrees, and comes back.
  const consent = await fetch(result.authUrl, { redirect: "manual" });
  const back = await fetch(consent.headers.get("Location")!, { redirect: "manual" });
  if (back.status !== 302) throw new Error(`${back.status}: ${await back.text()}`);
  result = await outcome(fetch(agent));
}
if (!("done" in result)) throw new Error(JSON.stringify(result));
