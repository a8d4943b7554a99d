export interface Frame {
  by: "client" | "server";
  data: unknown;
}

/** The documented protocol: the fields that a frame may have. Whoever does not know our extensions must see nothing else. */
const documented: { readonly [By in Frame["by"]]: { readonly [type: string]: readonly string[] } } = {
  client: {
    cf_agent_state: ["state"],
    rpc: ["id", "method", "args"],
    cf_agent_use_chat_request: ["id", "init"],
    cf_agent_chat_messages: ["messages"],
    cf_agent_chat_clear: [],
    cf_agent_chat_request_cancel: ["id"],
    cf_agent_stream_resume_request: [],
    cf_agent_stream_resume_ack: ["id"],
    cf_agent_tool_result: ["toolCallId", "toolName", "output", "state", "errorText", "autoContinue", "clientTools"],
    cf_agent_tool_approval: ["toolCallId", "approved", "autoContinue"]
  },
  server: {
    cf_agent_identity: ["name", "agent"],
    cf_agent_state: ["state"],
    cf_agent_state_error: ["error"],
    cf_agent_mcp_servers: ["mcp"],
    rpc: ["id", "success", "result", "done", "error"],
    cf_agent_use_chat_response: ["id", "body", "done", "error", "continuation", "replay", "replayComplete"],
    cf_agent_chat_messages: ["messages"],
    cf_agent_chat_clear: [],
    cf_agent_stream_resuming: ["id"],
    cf_agent_stream_resume_none: [],
    cf_agent_message_updated: ["message"]
  }
};

/** Everything that two ends have said to each other. */
export class Traffic {
  readonly frames: Frame[] = [];

  /** A `WebSocket` that is listened in to. */
  get WebSocket(): typeof WebSocket {
    const { frames } = this;
    return class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener("message", ({ data }: MessageEvent) => frames.push({ by: "server", data }));
      }

      override send(data: Parameters<WebSocket["send"]>[0]): void {
        frames.push({ by: "client", data });
        super.send(data);
      }
    };
  }

  /** What one end said that is not in the documented protocol: frames of unknown types, and unknown fields. */
  undocumented(by: Frame["by"]): unknown[] {
    return this.frames.filter((frame) => frame.by === by && !isDocumented(frame)).map(({ data }) => data);
  }
}

function isDocumented({ by, data }: Frame): boolean {
  const frame = fieldsOf(data);
  // Not a frame, but a message of the program.
  if (typeof frame?.type !== "string" || !/^(rpc$|cf_)/.test(frame.type)) return true;
  const fields = documented[by][frame.type];
  return fields !== undefined && Object.keys(frame).every((field) => field === "type" || fields.includes(field));
}

function fieldsOf(data: unknown): { type?: unknown } | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
