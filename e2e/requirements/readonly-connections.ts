import type { Page } from "./page.ts";

export const readonlyConnections = {
  "receives-state": [359, "A readonly connection receives changes of the state."],
  "calls-methods": [360, "A readonly connection may call methods that do not write the state."],
  "no-setState-in-methods": [361, "A method that calls `setState()` fails for a readonly connection."],
  "no-client-setState": [362, "A readonly connection cannot write the state itself."],
  "on-connect": [40, "`shouldConnectionBeReadonly` is asked for each connection when it connects."],
  "before-state": [
    54,
    "The hook runs before the first state is sent, and the connection is readonly from its first message."
  ],
  "at-any-time": [56, "`setConnectionReadonly` changes the status at any time."],
  "toggle-itself": [78, "A callable may change the status of the connection that calls it."],
  "check-status": [99, "`isConnectionReadonly` tells the status, also in a callable."],
  "error-client": [114, "A refused `setState()` of a client is answered with `cf_agent_state_error`."],
  "error-callable": [115, 'A refused callable rejects, with the message "Connection is readonly".'],
  "error-validation": [117, '`onStateUpdateError` also hears "State update rejected" of `validateStateChange`.'],
  "shouldConnectionBeReadonly-connection": [151, "`shouldConnectionBeReadonly` gets the connecting client."],
  "shouldConnectionBeReadonly-ctx": [152, "`shouldConnectionBeReadonly` gets the upgrade request."],
  "shouldConnectionBeReadonly-default": [154, "By default all connections are writable."],
  setConnectionReadonly: [157, "`setConnectionReadonly(connection, readonly)` marks or unmarks a connection."],
  "setConnectionReadonly-default": [160, "`readonly` is true when it is left out."],
  isConnectionReadonly: [166, "`isConnectionReadonly(connection)` is true if it is readonly."],
  "onStateUpdateError-client": [168, "`onStateUpdateError` is an option of `AgentClient`."],
  "onStateUpdateError-hook": [168, "`onStateUpdateError` is an option of `useAgent`."],
  "onStateUpdateError-error": [171, "`onStateUpdateError` gets the agent's message."],
  roles: [196, "Roles from the query can decide, and a callable can lift the status after a check."],
  source: [241, "`onStateChanged` tells which connection wrote."],
  "survives-hibernation": [331, "The status survives hibernation."],
  "no-cleanup": [332, "The status ends with its connection."],
  "zero-overhead": [333, "The status costs no tables and no queries."],
  "safe-from-user-code": [334, "`connection.state` and `connection.setState()` neither show nor change the status."],
  "enforced-inside": [363, "The check is inside `setState()`: a callable needs none of its own."],
  "side-effects-run": [366, "What a callable does before its `setState()` has happened."],
  "state-first": [384, "What a callable does after a refused `setState()` does not happen."],
  "only-setState": [455, "The status restricts the state only: SQL and messages are as ever."],
  "per-connection": [457, "The status belongs to one connection, not to a user."]
} as const satisfies Page;
