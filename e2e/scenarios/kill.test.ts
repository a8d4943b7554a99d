import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { KilledTask, TasksLeft } from "../fixtures/killed-task.ts";
import { bundle, workerOptions } from "../harness/bundle.ts";
import { Workerd } from "../harness/workerd.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const count = 200;
const kills = 5;
/** Executions that begin between two kills. */
const betweenKills = 25;
const timeout = 60_000;

type Behaviour = "fine" | "fails once" | "fails always";

interface Known extends KilledTask {
  behaviour: Behaviour;
}

const lanes = ["schedule", "queue", "schedule", "wide"] as const;

/** Schedules and items in two queues; one in six is slow, one in ten fails once, one in twenty always. */
const tasks: Known[] = Array.from({ length: count }, (_, index) => ({
  name: `task-${String(index).padStart(3, "0")}`,
  lane: lanes[index % lanes.length]!,
  steps: index % 6 === 1 ? 5 : 1,
  behaviour: index % 20 === 13 ? "fails always" : index % 10 === 6 ? "fails once" : "fine"
}));
const taskByName = new Map(tasks.map((task) => [task.name, task]));

/** What the agent tells of its tasks while they run, and what it is told: an answer, or none because it is killed. */
class Reports {
  /** The tasks in the order in which their executions began. */
  readonly begun: string[] = [];
  readonly failed: string[] = [];
  /** Called with each execution that begins; returns whether nobody is to be answered any more. */
  onBegin: () => boolean = () => false;
  readonly #server = createServer(({ url = "" }, response) => this.#receive(new URL(url, "http://test"), response));

  async listen(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  countOf(list: readonly string[], name: string): number {
    return list.filter((other) => other === name).length;
  }

  #receive({ pathname, searchParams }: URL, response: ServerResponse): void {
    const name = pathname.slice(1);
    if (searchParams.get("step") === "1") {
      this.begun.push(name);
      if (this.onBegin()) return;
    }
    const { behaviour, steps } = taskByName.get(name)!;
    const isLast = searchParams.get("step") === String(steps);
    const fails = behaviour === "fails always" || (behaviour === "fails once" && !this.failed.includes(name));
    if (isLast && fails) this.failed.push(name);
    response.writeHead(isLast && fails ? 500 : 200).end();
  }
}

/** Resolves when so many executions have begun; the last one gets no answer. */
function begun(reports: Reports, executions: number): Promise<void> {
  return new Promise((resolve) => {
    let left = executions;
    reports.onBegin = () => {
      if (--left === 0) resolve();
      return left <= 0;
    };
  });
}

async function killAgain(context: TestContext, maxAttempts: number): Promise<void> {
  const reports = new Reports();
  const workerd = new Workerd({ classes: ["KilledAgent"], test: await reports.listen() });
  context.after(async () => {
    await workerd.stop();
    reports.close();
  });
  await workerd.run(await code());
  const ask = async (path: string, body?: unknown) => {
    const url = `${workerd.url}/agents/killed-agent/one/${path}`;
    const response = await fetch(url, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
    assert.equal(response.status, 200);
    return response.text();
  };

  let enough = begun(reports, betweenKills);
  await ask(`fill?attempts=${maxAttempts}`, tasks);
  for (let kill = 1; kill <= kills; kill++) {
    await enough;
    await workerd.kill();
    if (kill < kills) enough = begun(reports, betweenKills);
    else reports.onBegin = () => false;
    // Nobody asks the agent for anything: its alarm goes off.
    await workerd.run();
  }
  await ask(`settled?tasks=${count}`);
  const { completed, dead, waiting } = JSON.parse(await ask("left")) as TasksLeft;

  const cut = tasks.map(({ name }) => {
    const [begins, failures, ends] = [reports.begun, reports.failed, completed].map((list) =>
      reports.countOf(list, name)
    );
    return begins! - failures! - ends!;
  });
  const again = completed.filter(
    (name) => reports.countOf(reports.begun, name) > 1 + reports.countOf(reports.failed, name)
  );
  context.diagnostic(
    `${kills} kills, ${maxAttempts} attempts: ${completed.length} completed, ${dead.length} dead; ` +
      `${cut.reduce((sum, executions) => sum + executions, 0)} executions were cut, ${again.length} tasks ran again after that`
  );

  const names = tasks.map(({ name }) => name);
  assert.deepEqual([...completed, ...dead].sort(), names, "each is completed once or dead, and none is missing");
  assert.equal(waiting, 0);
  const mostBegins = Math.max(...names.map((name) => reports.countOf(reports.begun, name)));
  assert.ok(mostBegins <= maxAttempts, `a task began ${mostBegins} times, and had ${maxAttempts} attempts`);
  assert.ok(
    cut.some((executions) => executions > 0),
    "the kills cut something"
  );
  for (const lane of ["schedule", "queue"]) {
    const first = [...new Set(reports.begun)].filter((name) => taskByName.get(name)!.lane === lane);
    assert.deepEqual(first, [...first].sort(), `${lane}: in the order in which they were asked for`);
  }
}

/** The Worker, with the built package of this repository. */
const code = (): Promise<string> =>
  bundle({
    ...workerOptions,
    entryPoints: [here("../fixtures/killed-agent.ts")],
    alias: { agents: here("../../packages/agents/dist/index.mjs") }
  });

test("runs 200 tasks to their end, killed again and again", { timeout }, (context) => killAgain(context, 3));
test("starts none of them twice when each has one attempt", { timeout }, (context) => killAgain(context, 1));

// The new process has never seen an expression, and loads what reads them when the alarm finds one.
test(
  "a cron schedule goes on in the next process, though nobody asks the agent for anything",
  { timeout },
  async (context) => {
    const server = createServer((_, response) => response.end());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const workerd = new Workerd({
      classes: ["KilledAgent"],
      test: `127.0.0.1:${(server.address() as AddressInfo).port}`
    });
    context.after(async () => {
      await workerd.stop();
      server.close();
      server.closeAllConnections();
    });
    await workerd.run(await code());
    const tick = once(server, "request");
    assert.equal((await fetch(`${workerd.url}/agents/killed-agent/cron/every-second`)).status, 200);
    await tick;
    await workerd.kill();
    const next = once(server, "request");
    await workerd.run();
    await next;
    // Its next time was found, and was not lost.
    await once(server, "request");
  }
);
