import { Icon } from "./icons";

/** Before the first server. */
export function Welcome() {
  return (
    <section className="welcome">
      <span className="welcome-mark">
        <Icon name="plug" />
      </span>
      <h2>Which tools shall this agent have?</h2>
      <p>
        Add the address of an MCP server. The agent keeps it, with what it offers, until you remove it. If a server
        wants you to sign in, it says so, and you do that in a window of its own.
      </p>
      <p>
        To try it out, start <code>examples/mcp-server</code> and add <code>http://localhost:8787/mcp</code>.
      </p>
    </section>
  );
}
