import { parseServerFrame } from "../protocol/checks";
import { isOpen, type ChatSocket } from "./chat-socket";
import { DocumentedLine } from "./documented-line";
import { ExtendedLine } from "./extended-line";
import type { Line, LineHost } from "./line";

/** A server that has anything to say to a new connection says it at once. */
const firstFrameMs = 150;
/** The rest of the greeting is on its way together with its first frame. */
const greetingMs = 2000;

/**
 * Finds out how the server at the other end of each connection speaks. One that takes part in the extensions says so first, and says
 * soon after what it has of the conversation.
 */
export class Connection {
  readonly extended: ExtendedLine;
  readonly documented: DocumentedLine;
  readonly #socket: ChatSocket;
  #line: Line | undefined;
  #isGreeting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: ChatSocket, host: LineHost) {
    this.#socket = socket;
    this.extended = new ExtendedLine(host);
    this.documented = new DocumentedLine(host);
  }

  /** The line of the connection that there is; `undefined` while none is open, or it is not known how the server speaks. */
  get line(): Line | undefined {
    return this.#line;
  }

  /** Listens. @returns what ends that */
  attach(): () => void {
    const onMessage = (event: MessageEvent) => this.#received(event.data);
    const onOpen = () => this.#opened();
    const onClose = () => this.#closed();
    this.#socket.addEventListener("message", onMessage);
    this.#socket.addEventListener("open", onOpen);
    this.#socket.addEventListener("close", onClose);
    if (isOpen(this.#socket)) this.#found();
    return () => {
      this.#socket.removeEventListener("message", onMessage);
      this.#socket.removeEventListener("open", onOpen);
      this.#socket.removeEventListener("close", onClose);
      clearTimeout(this.#timer);
      this.#line?.lost();
    };
  }

  /** A connection that was there before anybody listened here. */
  #found(): void {
    const { extended } = this.#socket;
    if (this.#line) this.#line.opened();
    else if (extended) this.#decide(this.extended);
    else if (extended === false) this.#decide(this.documented);
    else this.#opened();
  }

  #opened(): void {
    this.#isGreeting = false;
    this.#line = undefined;
    this.#wait(firstFrameMs);
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.#line?.lost();
    this.#line = undefined;
  }

  #received(data: unknown): void {
    const frame = parseServerFrame(data);
    if (frame?.type === "cf_agent_chat_snapshot" && this.#line !== this.extended) {
      this.#line?.lost();
      this.#use(this.extended);
      if (!frame.messages) return this.extended.head(frame);
    }
    if (!this.#line && !this.#isPartOfGreeting(data)) this.#decide(this.documented);
    if (frame) this.#line?.receive(frame);
  }

  #isPartOfGreeting(data: unknown): boolean {
    const type = typeof data === "string" ? /"type":"(cf_agent_\w+)"/.exec(data)?.[1] : undefined;
    if (type === "cf_agent_hello") {
      this.#isGreeting = true;
      this.#wait(greetingMs);
    }
    // What comes last.
    return this.#isGreeting && type !== "cf_agent_mcp_servers";
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#decide(this.documented), ms);
  }

  #decide(line: Line): void {
    this.#use(line);
    line.opened();
  }

  #use(line: Line): void {
    clearTimeout(this.#timer);
    this.#line = line;
    // What it still loads is of no use to the other one.
    if (line === this.extended) this.documented.giveUp();
  }
}
