/** The part of an agent's client that a conversation uses: what `useAgent` returns, and `AgentClient`. */
export interface ChatSocket {
  /** Kebab-case class name. */
  readonly agent: string;
  /** Instance name. */
  readonly name: string;
  readonly readyState: number;
  /** Whether the agent takes part in the extensions of the protocol, if that is known. */
  readonly extended?: boolean | undefined;
  /** Sends text, now or as soon as there is a connection. `refused` is called if the agent takes no text of this size. */
  send(text: string, refused?: (error: Error) => void): void;
  /** Requests something under the agent's own URL. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  addEventListener(type: "open" | "close", listener: () => void): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  removeEventListener(type: "open" | "close", listener: () => void): void;
  removeEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

export const isOpen = (socket: ChatSocket): boolean => socket.readyState === 1;
