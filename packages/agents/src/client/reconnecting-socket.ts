import { delayMs, Wait, type BackoffOptions } from "./backoff";
import { systemClock } from "./clock";
import { watchPage } from "./page-events";
import { ConnectionError, deadCode, Refusals } from "./refusals";
import { closeEvent, errorEvent, SocketTarget, type Message, type SocketEvents } from "./socket-events";

/** WebSocket subprotocols, or what gives them: asked again for every attempt. */
export type ProtocolsProvider =
  | null
  | string
  | string[]
  | (() => string | string[] | null | Promise<string | string[] | null>);

/** When a client connects, and how. */
export interface SocketOptions extends BackoffOptions {
  /** The class of the socket. @default the global one */
  // Browsers, Node and packages have their own types of it.
  // oxlint-disable-next-line typescript/no-explicit-any
  WebSocket?: any;
  /** WebSocket subprotocols. */
  protocols?: ProtocolsProvider;
  /** Wait for `reconnect()`. @default false */
  startClosed?: boolean;
  /** How long an attempt may take, in milliseconds: an agent that wakes up may take its time. @default 10000 */
  connectionTimeout?: number;
  /** How many attempts may fail in a row after the first. @default no limit */
  maxRetries?: number;
  /** How long a connection must have lasted, in milliseconds, so that the next attempt counts as the first. @default 5000 */
  minUptime?: number;
  /** Decides whether to connect again. @default unless the server keeps this client out */
  shouldReconnectOnClose?(event: SocketEvents["close"]): boolean;
}

export interface SocketHooks {
  /** The address of the next attempt. */
  url(): Promise<string>;
  /** Whether another attempt may be made with another token. */
  canRefresh(): boolean;
  /** The page may have slept. */
  returned(): void;
  /** Called before all other listeners. */
  listeners: { readonly [Type in keyof SocketEvents]: (event: SocketEvents[Type]) => void };
}

/** A `WebSocket` that connects again when the connection is lost, and has its address made anew each time. */
export class ReconnectingSocket extends SocketTarget {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  onopen: ((event: SocketEvents["open"]) => void) | null = null;
  onmessage: ((event: SocketEvents["message"]) => void) | null = null;
  onclose: ((event: SocketEvents["close"]) => void) | null = null;
  onerror: ((event: SocketEvents["error"]) => void) | null = null;

  readonly #settings: SocketOptions;
  readonly #hooks: SocketHooks;
  readonly #refusals = new Refusals();
  readonly #wait = new Wait();
  #socket: WebSocket | undefined;
  #binaryType: "arraybuffer" | "blob" = "blob";
  /** Whether there should be a connection. */
  #isWanted = false;
  /** Makes what earlier attempts wait for of no use. */
  #attempt = 0;
  #retries = 0;
  #openedAtMs = Infinity;
  #error: ConnectionError | undefined;
  #cancelTimeout = (): void => {};
  #stopWatching: (() => void) | undefined;

  constructor(options: SocketOptions, hooks: SocketHooks) {
    super();
    this.#settings = options;
    this.#hooks = hooks;
    for (const type of ["open", "message", "close", "error"] as const) {
      // Each listener takes the events of its type, which TypeScript cannot follow.
      this.addEventListener(type, hooks.listeners[type] as (event: Event) => void);
      this.addEventListener(type, (event: Event) => (this[`on${type}`] as ((event: Event) => void) | null)?.(event));
    }
  }

  /** 0 while it connects or waits to connect again, 1 open, 3 closed for good. */
  get readyState(): number {
    return this.#isWanted ? (this.#socket?.readyState ?? this.CONNECTING) : this.CLOSED;
  }

  get url(): string {
    return this.#socket?.url ?? "";
  }

  get protocol(): string {
    return this.#socket?.protocol ?? "";
  }

  get extensions(): string {
    return this.#socket?.extensions ?? "";
  }

  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  get binaryType(): "arraybuffer" | "blob" {
    return this.#binaryType;
  }

  set binaryType(type: "arraybuffer" | "blob") {
    this.#binaryType = type;
    if (this.#socket) this.#socket.binaryType = type;
  }

  /** How many attempts in a row have failed. */
  get retryCount(): number {
    return this.#retries;
  }

  /** Whether there is a connection, or will be. */
  get shouldReconnect(): boolean {
    return this.#isWanted;
  }

  /** Why there is no connection and none is attempted: the agent closed it for good. `reconnect()` tries again. */
  get connectionError(): ConnectionError | undefined {
    return this.#error;
  }

  /** Closes the connection and stays closed. */
  close(code?: number, reason?: string): void {
    this.#stop();
    this.#drop(code, reason);
  }

  /** Connects anew, now. */
  reconnect(code?: number, reason?: string): void {
    this.#isWanted = true;
    this.#error = undefined;
    this.#retries = 0;
    this.#refusals.reset();
    this.#stopWatching ??= watchPage(() => {
      this.#wait.skip();
      this.#hooks.returned();
    });
    this.#drop(code, reason);
  }

  /** Gives a message to the socket. @returns whether there is one that is open */
  protected _transmit(data: Message): boolean {
    if (this.readyState !== this.OPEN) return false;
    this.#socket?.send(data);
    return true;
  }

  /** The connection only looks open: another one is made at once. */
  protected _dead(): void {
    this.#release()?.close(deadCode, "No answer");
    this.#ended(closeEvent(deadCode, "No answer", false), true);
  }

  async #connect(durationMs: number): Promise<void> {
    const attempt = ++this.#attempt;
    const isObsolete = () => attempt !== this.#attempt;
    try {
      await this.#wait.start(durationMs);
      if (isObsolete()) return;
      const { protocols, WebSocket: Socket = globalThis.WebSocket } = this.#settings;
      const [url, chosen] = await Promise.all([
        this.#hooks.url(),
        typeof protocols === "function" ? protocols() : protocols
      ]);
      if (!isObsolete()) this.#use(chosen ? new Socket(url, chosen) : new Socket(url));
    } catch (error) {
      if (!isObsolete()) this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #use(socket: WebSocket): void {
    this.#socket = socket;
    socket.binaryType = this.#binaryType;
    const { connectionTimeout = 10_000 } = this.#settings;
    this.#cancelTimeout = systemClock.after(connectionTimeout, () => this.#fail(new Error("TIMEOUT")));
    // A socket that was given up has nothing to say any more.
    const on = <Type extends keyof WebSocketEventMap>(type: Type, heard: (event: WebSocketEventMap[Type]) => void) =>
      socket.addEventListener(type, (event) => {
        if (socket === this.#socket) heard(event);
      });
    on("open", () => {
      this.#cancelTimeout();
      this.#openedAtMs = systemClock.now();
      this.dispatchEvent(new Event("open"));
    });
    on("message", (event) =>
      this.dispatchEvent(new MessageEvent("message", { data: event.data, origin: event.origin }))
    );
    on("error", (event) => this.#fail((event as { error?: Error }).error ?? new Error("The connection failed")));
    on("close", ({ code, reason, wasClean }) => {
      this.#release();
      this.#ended(closeEvent(code, reason, wasClean));
    });
  }

  #fail(error: Error): void {
    this.#release()?.close();
    this.dispatchEvent(errorEvent(error));
    this.#ended(closeEvent(1006, "", false));
  }

  /** A connection, or an attempt, ended that the program did not end. */
  #ended(event: SocketEvents["close"], isUrgent = false): void {
    const { maxRetries = Infinity, minUptime = 5000, shouldReconnectOnClose } = this.#settings;
    const uptimeMs = systemClock.now() - this.#openedAtMs;
    this.#openedAtMs = Infinity;
    if (uptimeMs >= minUptime) this.#retries = 0;
    const isWanted =
      this.#retries < maxRetries &&
      (shouldReconnectOnClose?.(event) ??
        this.#refusals.shouldReconnect(event.code, uptimeMs, this.#hooks.canRefresh()));
    if (isWanted) void this.#connect(isUrgent ? 0 : delayMs(++this.#retries, this.#settings));
    else {
      this.#error = new ConnectionError(event);
      this.#stop();
    }
    this.dispatchEvent(event);
  }

  #stop(): void {
    this.#isWanted = false;
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  /** Ends what there is, and connects anew if that is wanted. */
  #drop(code = 1000, reason = ""): void {
    const socket = this.#release();
    if (this.#isWanted) void this.#connect(0);
    if (!socket) return;
    try {
      socket.close(code, reason);
    } catch {
      // A code that programs must not use.
      socket.close();
    }
    // Now: the socket's own would come when nobody waits for it any more.
    this.dispatchEvent(closeEvent(code, reason));
  }

  #release(): WebSocket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#attempt++;
    this.#cancelTimeout();
    this.#wait.skip();
    return socket;
  }
}
