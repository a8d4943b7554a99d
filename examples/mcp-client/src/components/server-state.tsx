import type { MCPServer } from "agents";
import { stateTexts } from "../texts";

type State = MCPServer["state"];

const tones: Record<State, string> = {
  authenticating: "waiting",
  connecting: "busy",
  connected: "busy",
  discovering: "busy",
  ready: "good",
  failed: "bad"
};

export function ServerState({ state }: { state: State }) {
  const tone = tones[state];
  return (
    <span className={`state state-${tone}`}>
      <span className={tone === "busy" ? "spinner" : "dot"} aria-hidden="true" />
      {stateTexts[state]}
    </span>
  );
}
