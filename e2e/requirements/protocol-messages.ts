import type { Page } from "./page.ts";

export const protocolMessages = {
  identity: [10, "Each new connection is sent `cf_agent_identity`: name and class of the agent."],
  state: [11, "Each new connection is sent `cf_agent_state`."],
  "mcp-servers": [12, "Each new connection is sent `cf_agent_mcp_servers`."],
  "state-broadcast": [13, "A change of the state is sent to all connections."],
  suppress: [20, "`shouldSendProtocolMessages` returning false suppresses them for a connection."],
  "before-any-message": [34, "The hook runs before any message is sent."],
  "no-identity": [73, "Suppressed: no identity on connect."],
  "no-state": [74, "Suppressed: no state, neither on connect nor when it changes."],
  "no-mcp-servers": [75, "Suppressed: no MCP servers on connect."],
  messages: [76, "Suppressed: messages in both directions work."],
  rpc: [77, "Suppressed: calls are answered."],
  broadcast: [78, "Suppressed: `this.broadcast()` arrives."],
  binary: [79, "Suppressed: bytes can be sent."],
  "state-by-rpc": [80, "Suppressed: a call may change the state."],
  subprotocol: [48, "The hook can decide by the header `Sec-WebSocket-Protocol`."],
  "check-in-callable": [63, "`isConnectionProtocolEnabled` tells a callable about its connection."],
  "with-readonly": [
    82,
    "A connection can be both suppressed and readonly, and still report by a call that writes SQL."
  ],
  "flags-independent": [111, "Both flags are hidden from `connection.state`, and do not disturb each other or it."],
  "shouldSendProtocolMessages-connection": [117, "`shouldSendProtocolMessages` gets the connecting client."],
  "shouldSendProtocolMessages-ctx": [118, "`shouldSendProtocolMessages` gets the upgrade request."],
  "shouldSendProtocolMessages-default": [120, "By default all connections get protocol messages."],
  "evaluated-once": [121, "The hook is asked once, on connect."],
  "survives-hibernation": [131, "The answer survives hibernation."],
  isConnectionProtocolEnabled: [
    127,
    "`isConnectionProtocolEnabled(connection)` is true if protocol messages are enabled."
  ],
  "check-after-hibernation": [128, "`isConnectionProtocolEnabled` works after a wake."],
  "no-cleanup": [132, "The flag ends with its connection: to change it, a client reconnects."],
  "zero-overhead": [133, "The flag costs no tables and no queries."],
  "safe-from-user-code": [134, "`connection.state` and `connection.setState()` neither show nor change the flag."],
  "mcp-broadcast": [13, "Changes of MCP servers are sent to all connections."],
  "no-mcp-broadcast": [75, "Suppressed: no changes of MCP servers."]
} as const satisfies Page;
