import { Workerd } from "../../harness/workerd.ts";
import { bundleWorker } from "./bundle.ts";
import type { Implementation } from "./versions.ts";

/** The fixture's Worker, with the packages of one implementation after the other. */
export class Server extends Workerd {
  static async start(worker: Implementation): Promise<Server> {
    const server = new Server({ classes: ["Counter", "AIAssistant", "Hidden", "Chat"] });
    await server.become(worker);
    return server;
  }

  /** Kills the runtime, and starts it again on the same databases with the packages of an implementation. */
  async become(worker: Implementation): Promise<void> {
    await this.kill();
    await this.run(await workerCode(worker));
  }
}

const codes = new Map<Implementation, Promise<string>>();

function workerCode(worker: Implementation): Promise<string> {
  if (!codes.has(worker)) codes.set(worker, bundleWorker(worker));
  return codes.get(worker)!;
}
