/** What a socket can send. */
export type Message = string | ArrayBuffer | Blob | ArrayBufferView<ArrayBuffer>;

/** The events of a socket, by type. */
export interface SocketEvents {
  open: Event;
  message: MessageEvent;
  close: CloseEvent;
  error: ErrorEvent;
}

/** As the platform's options of listeners, which not every runtime has a type for. */
type ListenerOptions = { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal };

interface TypedTarget extends EventTarget {
  addEventListener<Type extends keyof SocketEvents>(
    type: Type,
    listener: (event: SocketEvents[Type]) => void,
    options?: boolean | ListenerOptions
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | ListenerOptions
  ): void;
  removeEventListener<Type extends keyof SocketEvents>(
    type: Type,
    listener: (event: SocketEvents[Type]) => void,
    options?: boolean | ListenerOptions
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | ListenerOptions
  ): void;
}

/** An `EventTarget` that knows its events. */
export const SocketTarget = EventTarget as new () => TypedTarget;

// Not every Node has them.
const known: Partial<typeof globalThis> = globalThis;
const Close = known.CloseEvent ?? made<CloseEvent>();
const Failure = known.ErrorEvent ?? made<ErrorEvent>();

export const closeEvent = (code: number, reason: string, wasClean = true): CloseEvent =>
  new Close("close", { code, reason, wasClean });

export const errorEvent = (error: Error): ErrorEvent => new Failure("error", { error, message: error.message });

function made<Kind extends Event>(): new (type: string, init: object) => Kind {
  const Made = class extends Event {
    constructor(type: string, init: object) {
      super(type);
      Object.assign(this, init);
    }
  };
  // Its fields are those of the initial values.
  return Made as unknown as new (type: string, init: object) => Kind;
}
