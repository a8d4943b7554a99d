import { describe, expect, it } from "vitest";
import { subscribe, type ChannelEventMap } from "../../observability";
import { errorOf } from "../../test/kit";
import { Toolbox } from "../../test/mcp-agents";
import { connectClient } from "../../test/mcp-kit";

// `mcp:server:call`, of which OpenTelemetry makes its spans.

const handler = Toolbox.serve("/mcp");

describe("a request that a client makes", () => {
  it("is told when it is answered: its method, what it is about, and what has failed", async () => {
    const heard: ChannelEventMap["mcp"][] = [];
    const { client, transport } = await connectClient(handler);
    const stop = subscribe("mcp", (event) => void heard.push(event));
    await client.callTool({ name: "echo", arguments: { text: "s3cret" } });
    await client.callTool({ name: "fail" });
    await client.readResource({ uri: "mcp://resource/counter" });
    await errorOf(() => client.getPrompt({ name: "no such prompt" }));
    stop();
    const about = { sessionId: transport.sessionId, startedMs: expect.any(Number) };
    expect(heard.map(({ type, payload }) => [type, payload])).toEqual([
      ["mcp:server:call", { method: "tools/call", name: "echo", ...about }],
      ["mcp:server:call", { method: "tools/call", name: "fail", ...about, error: "broken" }],
      ["mcp:server:call", { method: "resources/read", name: "mcp://resource/counter", ...about }],
      [
        "mcp:server:call",
        { method: "prompts/get", name: "no such prompt", ...about, error: expect.stringContaining("no such prompt") }
      ]
    ]);
    expect(heard[0]).toMatchObject({ agent: "Toolbox", name: `streamable-http:${transport.sessionId}` });
    expect(JSON.stringify(heard)).not.toContain("s3cret");
  });
});
