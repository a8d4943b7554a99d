import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpAgent } from "agents/mcp";
import { z } from "zod";

interface Env {
  Notes: DurableObjectNamespace<Notes>;
}

const uri = "notes://all";
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** Notes that whoever is in the same room shares. They are there again when a client comes back. */
export class Notes extends McpAgent<Env, { notes: string[] }> {
  server = new McpServer({ name: "notes", version: "1.0.0" }, { capabilities: { resources: { subscribe: true } } });
  initialState = { notes: [] };

  override async init() {
    this.server.registerTool(
      "note",
      { description: "Writes a note down", inputSchema: { note: z.string().max(500) } },
      async ({ note }) => {
        this.setState({ notes: [...this.state.notes, note] });
        return text(`There are ${this.state.notes.length} notes`);
      }
    );
    this.server.registerTool(
      "remind",
      { description: "Writes a note down later", inputSchema: { note: z.string(), seconds: z.number().positive() } },
      async ({ note, seconds }) => {
        await this.schedule(seconds, "remember", note);
        return text("I will");
      }
    );
    this.server.registerResource("notes", uri, { description: "All notes" }, async () => ({
      contents: [{ uri, text: this.state.notes.join("\n") }]
    }));
  }

  remember(note: string) {
    this.setState({ notes: [...this.state.notes, note] });
  }

  /** Clients that have subscribed are told, wherever a note comes from. */
  override async onStateChanged() {
    await this.server.server.sendResourceUpdated({ uri });
  }
}

const rooms = Notes.serve("/rooms/:room/mcp", { name: (request) => new URL(request.url).pathname.split("/")[2]! });
const own = Notes.serve("/mcp");

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const { pathname } = new URL(request.url);
    return (pathname.startsWith("/rooms/") ? rooms : own).fetch(request, env, ctx);
  }
};
