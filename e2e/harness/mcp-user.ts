import { fileURLToPath } from "node:url";
import type { Order, Report } from "../fixtures/mcp-order.ts";
import { bundle, workerOptions } from "./bundle.ts";
import { Workerd } from "./workerd.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What the agent has refused. */
export class Refused extends Error {
  readonly code: unknown;

  constructor({ code, message }: { code: unknown; message: string }) {
    super(message);
    this.code = code;
  }
}

/** The Worker of `fixtures/mcp-user.ts` on the real runtime, with the built package of this repository. */
export class McpUsers {
  readonly workerd = new Workerd({
    classes: ["McpUser"],
    vars: { MCP_ALLOW_LOOPBACK: "true" },
    reachesLoopback: true
  });

  static async start(): Promise<McpUsers> {
    const users = new McpUsers();
    const code = await bundle({
      ...workerOptions,
      entryPoints: [here("../fixtures/mcp-user.ts")],
      alias: { agents: here("../../packages/agents/dist/index.mjs") }
    });
    await users.workerd.run(code);
    return users;
  }

  address(user: string): string {
    return `${this.workerd.url}/agents/mcp-user/${user}`;
  }

  /** @throws Refused */
  async tell<Value>(user: string, order: Order): Promise<Value> {
    const response = await fetch(this.address(user), { method: "POST", body: JSON.stringify(order) });
    const report = (await response.json()) as Report;
    if ("error" in report) throw new Refused(report.error);
    return report.value as Value;
  }
}
