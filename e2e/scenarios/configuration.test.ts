import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AgentClient, agentFetch } from "agents/client";
import { Project } from "../harness/project.ts";

// An application that has agents added to it, with the files that the pages "Configuration" and "Add to existing project" tell
// one to write, and no plugin.

const server = `
import { Agent, callable, getAgentByName, routeAgentRequest } from "agents";

export type CounterState = { count: number };

export class CounterAgent extends Agent<Env, CounterState> {
  initialState: CounterState = { count: 0 };
  @callable()
  increment() {
    this.setState({ count: this.state.count + 1 });
    return this.state.count;
  }
  @callable()
  decrement() {
    this.setState({ count: this.state.count - 1 });
    return this.state.count;
  }
}

// Without a type of its own for the bindings: it has the generated one.
export class ChatAgent extends Agent {
  #apiKey = "";
  onStart() {
    this.#apiKey = this.env.OPENAI_API_KEY;
  }
  async onRequest() {
    const maxRetries: number = parseInt(this.env.MAX_RETRIES, 10);
    const debugMode: boolean = this.env.DEBUG_MODE === "true";
    const counter = await getAgentByName(this.env.COUNTER_DO, "of-chat");
    return Response.json({ apiKey: this.#apiKey, maxRetries, debugMode, count: await counter.increment() });
  }
}

export default {
  async fetch(request: Request, env: Env) {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/agents/") && url.searchParams.get("token") === "wrong") {
      return new Response("Unauthorized", { status: 401 });
    }
    const agentResponse = await routeAgentRequest(request, env);
    if (agentResponse) return agentResponse;
    const other = await routeAgentRequest(request, env, { prefix: "/api/agents" });
    if (other) return other;
    if (url.pathname === "/api/hello") return Response.json({ message: "Hello!" });
    if (url.pathname === "/api/increment") {
      const counter = await getAgentByName(env.COUNTER_DO, "shared-counter");
      return Response.json({ count: await counter.increment() });
    }
    if (url.pathname === "/page") return env.ASSETS.fetch(new URL("/index.html", url));
    return new Response("Not found by the Worker", { status: 404 });
  }
} satisfies ExportedHandler<Env>;
`;

const config = {
  name: "my-agent-app",
  main: "src/server.ts",
  compatibility_date: "2026-04-03",
  compatibility_flags: ["nodejs_compat"],
  assets: { directory: "public", binding: "ASSETS" },
  durable_objects: {
    bindings: [
      { name: "COUNTER_DO", class_name: "CounterAgent" },
      { name: "ChatAgent", class_name: "ChatAgent" }
    ]
  },
  migrations: [{ tag: "v1", new_sqlite_classes: ["CounterAgent", "ChatAgent"] }],
  vars: { MAX_RETRIES: "3", DEBUG_MODE: "false", ENVIRONMENT: "development" },
  observability: { enabled: true }
};

let project: Project;
let host: string;
let stop: () => Promise<void>;

before(async () => {
  project = await Project.create({
    "src/server.ts": server,
    "wrangler.jsonc": JSON.stringify(config),
    ".env": "OPENAI_API_KEY=sk-local\n",
    "public/index.html": "<h1>Static page</h1>",
    "public/api/hello.txt": "static",
    "tsconfig.json": JSON.stringify({
      extends: "agents/tsconfig",
      compilerOptions: { types: ["@cloudflare/workers-types"], lib: ["ES2024", "ESNext.Decorators"] },
      include: ["src", "env.d.ts"]
    })
  });
  ({ host, stop } = await project.dev());
});
after(() => project?.remove());

/** A client in Node.js; `using` closes it. */
function connect(name: string, agent = "CounterAgent") {
  const client = new AgentClient<{ increment(): number; decrement(): number }, { count: number }>({
    agent,
    name,
    host
  });
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
const get = async (path: string) => {
  const response = await fetch(`http://${host}${path}`);
  return { status: response.status, text: await response.text() };
};

// proves configuration#wrangler-dev, configuration#nodejs_compat, configuration#binding-for-each-class
// proves add-to-existing-project#install, add-to-existing-project#counter, add-to-existing-project#export
// proves add-to-existing-project#nodejs_compat, add-to-existing-project#new_sqlite_classes
// proves add-to-existing-project#vanilla, callable-methods#when-external-service, callable-methods#target
test("an agent that was added runs with `wrangler dev`, and a client in Node.js calls its methods", async () => {
  using client = connect("user-123");
  assert.equal(await client.call("increment"), 1);
  assert.equal(await client.stub.increment(), 2);
  assert.equal(await client.stub.decrement(), 1);
  assert.deepEqual(client.state, { count: 1 });
  assert.deepEqual([client.agent, client.name], ["counter-agent", "user-123"]);
});

// proves configuration#binding-name, configuration#class_name, configuration#names-differ
// proves add-to-existing-project#binding-name, add-to-existing-project#class_name
test("a binding is a property of env, and a class is found by its own name and by that of its binding", async () => {
  assert.deepEqual(JSON.parse((await get("/api/increment")).text), { count: 1 });
  using byBinding = connect("shared-counter", "COUNTER_DO");
  assert.equal(await byBinding.stub.increment(), 2);
  using byClass = connect("shared-counter");
  assert.equal(await byClass.stub.increment(), 3);
});

// proves configuration#env-file, configuration#vars, configuration#vars-are-strings
// proves add-to-existing-project#multiple-agents, routing#multiple-agents
test("secrets of .env and variables are strings of this.env, in each of several agents", async () => {
  const response = await agentFetch({ agent: "ChatAgent", host });
  assert.deepEqual(await response.json(), { apiKey: "sk-local", maxRetries: 3, debugMode: false, count: 1 });
});

// proves configuration#assets, configuration#assets-binding, add-to-existing-project#static-assets
// proves add-to-existing-project#existing-routes, configuration#assets-then-agents
// proves add-to-existing-project#plain-worker
test("static files come first, then agents, then the routes that were there before", async () => {
  assert.deepEqual(await get("/"), { status: 200, text: "<h1>Static page</h1>" });
  assert.deepEqual(await get("/api/hello.txt"), { status: 200, text: "static" });
  assert.deepEqual(await get("/page"), { status: 200, text: "<h1>Static page</h1>" });
  assert.deepEqual(await get("/api/hello"), { status: 200, text: '{"message":"Hello!"}' });
  assert.deepEqual(await get("/agents/counter-agent/a"), { status: 404, text: "Not implemented" });
  assert.deepEqual(await get("/nowhere"), { status: 404, text: "Not found by the Worker" });
});

// proves add-to-existing-project#prefix, add-to-existing-project#behind-authentication
test("agents may be at another path, and behind what the Worker checks first", async () => {
  assert.deepEqual(await get("/api/agents/counter-agent/a"), { status: 404, text: "Not implemented" });
  assert.deepEqual(await get("/agents/counter-agent/a?token=wrong"), { status: 401, text: "Unauthorized" });
});

// proves configuration#types, configuration#types-path, configuration#types-without-runtime
// proves configuration#types-output, configuration#types-missing
// proves add-to-existing-project#types, add-to-existing-project#default-Env
test("`wrangler types` writes the Env of agents, which needs no other statement of it", async () => {
  assert.match(await project.typeErrors(), /Env/);
  // Else a variable has the type of its one value, and comparing it with another is an error.
  await project.wrangler("types", "env.d.ts", "--include-runtime", "false", "--strict-vars", "false");
  const written = await readFile(join(project.folder, "env.d.ts"), "utf8");
  assert.match(written, /COUNTER_DO: DurableObjectNamespace<import\("\.\/src\/server"\)\.CounterAgent>/);
  assert.match(written, /OPENAI_API_KEY: string/);
  assert.doesNotMatch(written, /declare class DurableObject/);
  assert.equal(await project.typeErrors(), "");
  await project.wrangler("types");
  assert.match(await readFile(join(project.folder, "worker-configuration.d.ts"), "utf8"), /COUNTER_DO/);
});

// proves configuration#persisted, configuration#persist-to, configuration#cleared, configuration#inspected
test("state is kept in .wrangler/state, as SQLite, and is new elsewhere or when that is removed", async () => {
  const incremented = async () => {
    using client = connect("kept");
    return await client.stub.increment();
  };
  const restart = async (...args: string[]) => {
    await stop();
    ({ host, stop } = await project.dev(...args));
  };
  assert.equal(await incremented(), 1);
  await restart();
  assert.equal(await incremented(), 2);
  const state = join(project.folder, ".wrangler/state");
  const files = await readdir(state, { recursive: true });
  assert.ok(
    files.some((file) => /v3[\\/]do[\\/]my-agent-app-CounterAgent[\\/][0-9a-f]+\.sqlite$/.test(file)),
    files.join("\n")
  );
  await restart("--persist-to", "elsewhere");
  assert.equal(await incremented(), 1);
  await stop();
  await rm(state, { recursive: true });
  await restart();
  assert.equal(await incremented(), 1);
});

const migrations = [
  { tag: "v1", new_sqlite_classes: ["OldName", "AgentToDelete", "ChatAgent"] },
  { tag: "v2", renamed_classes: [{ from: "OldName", to: "CounterAgent" }] },
  { tag: "v3", deleted_classes: ["AgentToDelete"] },
  { tag: "v4", new_sqlite_classes: ["NewAgent"] }
];
const complete = {
  $schema: "node_modules/wrangler/config-schema.json",
  ...config,
  ai: { binding: "AI" },
  migrations,
  routes: [{ pattern: "agents.example.com", custom_domain: true }]
};

// proves configuration#complete-example, configuration#ai, configuration#deploy-bundles, configuration#dry-run
// proves configuration#migrations, configuration#migration-tag, configuration#new_sqlite_classes
// proves configuration#renamed_classes, configuration#deleted_classes, configuration#custom-domain
test("the whole configuration is accepted by a dry run of deployment, without a warning", async () => {
  await project.write("complete.jsonc", JSON.stringify(complete));
  const output = await project.wrangler("deploy", "--dry-run", "--config", "complete.jsonc");
  assert.doesNotMatch(output, /WARNING|ERROR/);
  for (const binding of ["env.COUNTER_DO (CounterAgent)", "env.ChatAgent (ChatAgent)", "env.AI", "env.ASSETS"])
    assert.ok(output.includes(binding), output);
  assert.match(output, /--dry-run: exiting now/);
  const misspelled = [{ tag: "v1", new_sqlite_class: ["CounterAgent"] }];
  await project.write("wrong.jsonc", JSON.stringify({ ...config, migrations: misspelled }));
  assert.match(await project.wrangler("deploy", "--dry-run", "--config", "wrong.jsonc"), /WARNING/);
});

// proves configuration#environments, configuration#environment-vars, configuration#deploy-environment
// proves configuration#separate-objects
test("an environment has a name, variables and agents of its own", async () => {
  const [counter, chat] = config.durable_objects.bindings;
  const environment = (name: string, script: { script_name?: string } = {}) => ({
    name: `my-agent-${name}`,
    durable_objects: { bindings: [{ ...counter, ...script }, chat] },
    vars: { ...config.vars, ENVIRONMENT: name }
  });
  // By its name, another Worker's agents can be used.
  const production = environment("production", { script_name: "my-agent-staging" });
  await project.write(
    "environments.jsonc",
    JSON.stringify({ ...config, env: { staging: environment("staging"), production } })
  );
  const deploy = (name: string) =>
    project.wrangler("deploy", "--dry-run", "--config", "environments.jsonc", "--env", name);
  const outputs = [await deploy("staging"), await deploy("production")];
  for (const output of outputs) assert.doesNotMatch(output, /WARNING|ERROR/);
  assert.match(outputs[0]!, /env\.ENVIRONMENT \("staging"\)/);
  assert.match(outputs[0]!, /env\.COUNTER_DO \(CounterAgent\)/);
  assert.match(outputs[1]!, /env\.ENVIRONMENT \("production"\)/);
  assert.match(outputs[1]!, /env\.COUNTER_DO \(CounterAgent, defined in my-agent-staging\)/);
});
