import { isJSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { echoClose } from "../../core/connections";
import { isPlatformError } from "../../core/work/platform-error";
import { destroyedMessage } from "../../protocol/errors";
import type { EventStream } from "../http/event-stream";
import { closeCodes, eventId, readEventFrame, ticketHeader, type Command, type McpStub, type Outcome } from "./wire";

/** A stub of the object that has the session. A new one for each use: a stub of an object that was aborted is dead. */
export type Reach = () => Promise<McpStub>;

// After a kill the next object answers at once; a network that is down for longer, the client has to notice.
const attempts = 5;
const firstDelayMs = 100;

/** Says something to the object, and again if it is reset meanwhile and twice does no harm. */
export async function say(reach: Reach, command: Command): Promise<Outcome> {
  try {
    return await tell(await reach(), command);
  } catch (error) {
    // Nobody knows whether requests have begun.
    const isOnce = command.type === "post" && command.messages.some(isJSONRPCRequest);
    if (isOnce || !isPlatformError(error)) throw error;
    return tell(await reach(), command);
  }
}

/** An object that is being deleted has no sessions any more. */
async function tell(stub: McpStub, command: Command): Promise<Outcome> {
  try {
    return await stub.__mcp(command);
  } catch (error) {
    // Its code is lost when the object is aborted for it; its text is not.
    if (error instanceof Error && error.message === destroyedMessage) return { type: "unknown-session" };
    throw error;
  }
}

/** Says something to the object, and opens the socket on which it will answer, in one go: they arrive in this order. */
export async function sayAndListen(
  stub: McpStub,
  command: Command & { ticket: string }
): Promise<{ outcome: Outcome; socket: WebSocket | undefined }> {
  const outcome = tell(stub, command);
  const headers = { Upgrade: "websocket", [ticketHeader]: command.ticket };
  const upgrade = stub.fetch("https://object/mcp", { headers });
  // What went wrong, the outcome says.
  const upgraded = upgrade.catch(() => undefined);
  const settled = await outcome;
  const response = settled.type === "stream" ? await upgraded : undefined;
  return { outcome: settled, socket: response?.webSocket ?? undefined };
}

export interface RelayOptions {
  readonly reach: Reach;
  /** By which the rest of the stream is asked for when the line to the object breaks. */
  readonly again: (after: string) => Command & { ticket: string };
  /** Whether the client can resume: the older transport has no event ids. */
  readonly withIds: boolean;
  readonly wait: (delayMs: number) => Promise<void>;
}

/** Carries what the object says to the client, for as long as either end wants. The object may leave memory meanwhile, or be killed. */
export class Relay {
  readonly #options: RelayOptions;
  readonly #events: EventStream;
  #socket: WebSocket | undefined;
  #last: string;

  constructor(events: EventStream, stream: number, options: RelayOptions) {
    this.#events = events;
    this.#options = options;
    this.#last = eventId(stream, 0);
  }

  /** The id of what the client has for certain been sent. */
  get last(): string {
    return this.#last;
  }

  /** @param after what the client has, if it resumes */
  carry(socket: WebSocket | undefined, after = this.#last): void {
    this.#last = after;
    if (socket) this.#listen(socket);
    else void this.#reconnect();
  }

  /** The client is gone. */
  stop(): void {
    this.#socket?.close(1000, "");
    this.#socket = undefined;
  }

  #listen(socket: WebSocket): void {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, message } = readEventFrame(String(data));
      this.#last = id;
      this.#events.send({ event: "message", data: message, ...(this.#options.withIds && { id }) });
    });
    socket.addEventListener("close", ({ code }) => {
      echoClose(socket, code, "");
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (code === closeCodes.done || code === closeCodes.later || code === closeCodes.ended) this.#events.close();
      else void this.#reconnect();
    });
    socket.accept();
  }

  async #reconnect(): Promise<void> {
    for (let attempt = 0; attempt < attempts && this.#events.isOpen; attempt++) {
      if (attempt > 0) await this.#options.wait(firstDelayMs * 2 ** attempt);
      try {
        const { outcome, socket } = await sayAndListen(await this.#options.reach(), this.#options.again(this.#last));
        if (outcome.type !== "stream") break;
        if (!socket) continue;
        if (this.#events.isOpen) return this.#listen(socket);
        return socket.close(1000, "");
      } catch {
        // The object that was reached is gone, too. There is another one.
      }
    }
    // The client comes again, with what it has.
    this.#events.close();
  }
}
