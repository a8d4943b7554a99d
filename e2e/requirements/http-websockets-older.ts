import type { Page } from "./page.ts";

// The page is one line.
export const httpWebsocketsOlder = {
  onStart: [1, "`onStart(props?)` runs once when the agent starts, and is over when connections arrive."],
  onRequest: [1, "`onRequest(request)` runs for any request that is no WebSocket."],
  "onRequest-path": [1, "`onRequest` may route by path and method."],
  "onRequest-cors": [1, "`onRequest` may answer OPTIONS and set CORS headers itself."],
  "onRequest-upload": [1, "`onRequest` may read a form with a file."],
  onConnect: [1, "`onConnect(connection, ctx)` runs for a new connection; ctx.request is its request."],
  onMessage: [1, "`onMessage(connection, message)` runs for each message, a text or bytes."],
  onClose: [1, "`onClose(connection, code, reason, wasClean)` runs when a connection closes."],
  "onError-connection": [1, "`onError(connection, error)` runs for an error of a connection."],
  "onError-server": [1, "`onError(error)` runs for an error of the server."],
  "connection-id": [1, "`connection.id` is unique."],
  "connection-server": [1, "`connection.server` is the name of the instance."],
  "connection-state": [1, "`connection.state` is null until it is set, and each connection has its own."],
  "connection-state-immutable": [1, "`connection.state` cannot be assigned; it changes by `setState` only."],
  "connection-state-hibernation": [1, "`connection.state` survives hibernation."],
  "connection-setState": [1, "`connection.setState` takes a state, or a function of the previous one."],
  "connection-send": [1, "`connection.send` sends a text or an ArrayBuffer."],
  "connection-close": [1, "`connection.close(code?, reason?)` closes the connection."],
  getConnections: [1, "`getConnections(tag?)` gives all connections, or those with a tag."],
  getConnection: [1, "`getConnection(id)` gives one connection, or undefined."],
  getConnectionTags: [
    1,
    "`getConnectionTags(connection, ctx)` tags a connection, with up to 9 tags of at most 256 characters."
  ],
  broadcast: [1, "`broadcast(message, without?)` sends to all connections but those that are named."],
  shouldSendProtocolMessages: [1, "Decides for each connection whether it gets protocol frames; the default is true."],
  "protocol-off-connect": [1, "Without protocol frames: no identity, state or MCP servers on connect."],
  "protocol-off-broadcast": [1, "Without protocol frames: no changes of the state either."],
  "protocol-off-messages": [1, "Without protocol frames, `send()` and `broadcast()` work as ever."],
  isConnectionProtocolEnabled: [1, "Tells whether a connection gets protocol frames, also after hibernation."],
  hibernation: [1, "Hibernation is on by default: connections stay open, and a message wakes the agent."],
  "hibernation-off": [1, "`static options = { hibernate: false }` turns that off."],
  "hibernation-persists": [
    1,
    "State, connection state, SQL and metadata persist across hibernation; class fields do not."
  ],
  authentication: [1, "`onConnect` may await a check of a token, and close with 4001."],
  "chat-room": [1, "A chat room by broadcast."],
  presence: [1, "Presence by the states of connections."],
  name: [1, "`this.name` is the name of the instance."],
  state: [1, "`this.state` is the state, changed by `setState()`."],
  env: [1, "`this.env` has the bindings."],
  ctx: [1, "`this.ctx` is the DurableObjectState."]
} as const satisfies Page;
