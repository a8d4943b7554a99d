import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpAgent } from "agents/mcp";
import { z } from "zod";
import type { Env, User } from "./env";

/** A server with state: the notes of one user, whichever app they are written with. The user is in `this.props`. */
export class Notebook extends McpAgent<Env, { notes: string[] }, User> {
  override initialState = { notes: [] as string[] };
  server = new McpServer({ name: "notebook", version: "1.0.0" });

  override init() {
    this.server.registerTool("whoami", { description: "Whose notebook this is" }, () => text(this.props.name));

    this.server.registerTool(
      "write_note",
      { description: "Writes a note", inputSchema: { note: z.string() } },
      ({ note }) => {
        // A tool that refuses tells the model why.
        if (!this.props.permissions.includes("notes:write")) {
          return { ...text("Permission denied: the user has not allowed this app to write"), isError: true };
        }
        this.setState({ notes: [...this.state.notes, note] });
        return text(`You have ${this.state.notes.length} notes`);
      }
    );

    this.server.registerTool("read_notes", { description: "Reads all notes" }, () => {
      if (!this.props.permissions.includes("notes:read")) {
        return { ...text("Permission denied: the user has not allowed this app to read"), isError: true };
      }
      return text(this.state.notes.join("\n"));
    });
  }
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
