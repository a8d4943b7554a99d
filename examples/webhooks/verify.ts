// Delivers webhooks as GitHub does, and fails if the repository does not tell of them: node verify.ts [address]
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { AgentClient } from "agents/client";
import type { RepositoryState } from "./src/events.ts";

const origin = process.argv[2] ?? "http://localhost:8787";
const secret = process.env.GITHUB_WEBHOOK_SECRET ?? "change-me-in-production";
const owner = `octo-${Date.now()}`;
const signed = (body: string, key = secret) => `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;

async function deliver(body: string, headers: Record<string, string> = {}): Promise<string> {
  const all = {
    "X-GitHub-Event": "issues",
    "X-GitHub-Delivery": randomUUID(),
    "X-Hub-Signature-256": signed(body),
    ...headers
  };
  const response = await fetch(new URL("/webhooks/github", origin), { method: "POST", body, headers: all });
  return `${response.status} ${await response.text()}`;
}

const opened = (name: string, title: string) =>
  JSON.stringify({
    action: "opened",
    repository: { full_name: `${owner}/${name}`, stargazers_count: 7 },
    sender: { login: "ada" },
    issue: { title, html_url: `https://github.com/${owner}/${name}/issues/1` }
  });

/** Watches a repository as the page does. */
async function watch(name: string) {
  let heard = () => {};
  const client = new AgentClient<RepositoryState>({
    agent: "Repository",
    name: `${owner}.${name}`,
    host: new URL(origin).host,
    onStateUpdate: () => heard()
  });
  await client.ready;
  const until = async (total: number): Promise<RepositoryState> => {
    while ((client.state?.total ?? 0) < total) await new Promise<void>((resolve) => (heard = resolve));
    return client.state!;
  };
  return { client, until };
}

const lamp = await watch("lamp");
const chair = await watch("chair");

assert.equal(await deliver(opened("lamp", "It does not shine"), { "X-GitHub-Delivery": `${owner}-1` }), "202 accepted");
const state = await lamp.until(1);
assert.deepEqual([state.fullName, state.stars], [`${owner}/lamp`, 7]);
assert.deepEqual(
  state.latest.map(({ type, actor, title }) => [type, actor, title]),
  [["issues opened", "ada", "It does not shine"]]
);

// GitHub delivers again when it is not sure; other repositories have an agent of their own.
assert.equal(await deliver(opened("lamp", "Again"), { "X-GitHub-Delivery": `${owner}-1` }), "200 known");
assert.equal(await deliver(opened("chair", "It creaks")), "202 accepted");
assert.equal((await chair.until(1)).latest[0]?.title, "It creaks");

// Nobody else gets in.
const body = opened("lamp", "Forged");
for (const signature of [
  "",
  "sha256=",
  `sha256=${"0".repeat(64)}`,
  signed(body, "another secret"),
  signed(`${body} `),
  signed(body).slice(0, -1)
]) {
  assert.equal(await deliver(body, { "X-Hub-Signature-256": signature }), "401 Invalid signature");
}
assert.equal(await deliver("{"), "400 Not a delivery of GitHub");
assert.equal(await deliver("{}"), "400 Missing repository");
assert.equal(await deliver("{}", { "X-GitHub-Event": "ping" }), "200 pong");
assert.equal((await fetch(new URL("/webhooks/github", origin))).status, 405);
await assert.rejects(
  lamp.client.call("deliver", [{ id: "x", type: "push", payload: JSON.parse(body) }]),
  /not callable/
);

assert.equal(await deliver(opened("lamp", "Second")), "202 accepted");
const { total, latest } = await lamp.until(2);
assert.deepEqual([total, latest.map(({ title }) => title)], [2, ["Second", "It does not shine"]]);
assert.deepEqual(await lamp.client.call("getEvents", [1]), [latest[0]]);

lamp.client.close();
chair.client.close();
console.log("Each repository tells of what happens in it, and of nothing that GitHub has not signed.");
