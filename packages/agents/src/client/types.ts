import type { AgentMember } from "./agent-members";
import type { AgentStream } from "./agent-stream";
import type { AnyCallOptions } from "./calls";

// Types of a client, derived from the agent's class. They are structural: the server's types depend on the runtime of
// the server, and a client must not.

// `any` here and in the rest of this file: what a method takes and returns is read off, never used.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyMethod = (...args: any) => any;

type IsAny<T> = 0 extends 1 & T ? true : false;

type Primitive = string | number | boolean | null | undefined | void;

/**
 * `never` for a type that JSON carries unchanged, otherwise `true`. A `Date`, a `Map` or a `Response` has methods, and that is
 * how it is told. It looks four levels deep, so that a large or recursive type costs little.
 */
type NotJson<T, Depth extends 0[] = []> =
  IsAny<T> extends true
    ? never
    : unknown extends T
      ? never
      : T extends Primitive
        ? never
        : T extends bigint | symbol | AnyMethod
          ? true
          : Depth["length"] extends 4
            ? never
            : T extends readonly (infer Item)[]
              ? NotJson<Item, [...Depth, 0]>
              : { [Key in Exclude<keyof T, symbol>]-?: NotJson<T[Key], [...Depth, 0]> }[Exclude<keyof T, symbol>];

/** The first parameter of a method that streams. */
type StreamParameter = { send: AnyMethod; end: AnyMethod; error: AnyMethod };

type SplitStream<Method> = Method extends (...args: infer Args) => unknown
  ? Args extends [infer First, ...infer Rest]
    ? IsAny<First> extends true
      ? undefined
      : First extends StreamParameter
        ? { stream: First; args: Rest }
        : undefined
    : undefined
  : undefined;

/** What a client passes to a method: its parameters, without the `StreamingResponse`. */
export type ClientParameters<Method> =
  SplitStream<Method> extends { args: infer Args extends unknown[] }
    ? Args
    : Method extends (...args: infer Args) => unknown
      ? Args
      : never;

/** What a client gets: what the method returns, or what its stream ends with. */
export type ClientResult<Method> =
  SplitStream<Method> extends { stream: { end(final: infer Final): unknown } }
    ? Final
    : Method extends (...args: infer _) => infer Result
      ? Awaited<Result>
      : never;

/** What a streaming method sends. */
export type ClientChunk<Method> =
  SplitStream<Method> extends { stream: { send(chunk: infer Chunk): unknown } } ? Chunk : unknown;

type MethodNames<T> = {
  [Key in keyof T & string]: Key extends AgentMember
    ? never
    : IsAny<T[Key]> extends true
      ? never
      : T[Key] extends AnyMethod
        ? [NotJson<ClientParameters<T[Key]>> | NotJson<ClientResult<T[Key]>>] extends [never]
          ? Key
          : never
        : never;
}[keyof T & string];

/** The methods of an agent that a client may be allowed to call: those of its own whose parameters and results are JSON. */
export type AgentMethods<Agent> = Pick<Agent, MethodNames<Agent>>;

/** What a call of this method gives to a client. */
export type AgentPromiseReturnType<Agent, Name extends keyof AgentMethods<Agent>> = Promise<
  ClientResult<AgentMethods<Agent>[Name]>
>;

/** The methods of an agent as a client calls them. */
export type RPCMethods<Agent> = {
  [Name in keyof AgentMethods<Agent>]: (
    ...args: ClientParameters<AgentMethods<Agent>[Name]>
  ) => AgentPromiseReturnType<Agent, Name>;
};

/** The methods that can be called without arguments. */
export type OptionalAgentMethods<Agent> = {
  [
    Name in keyof AgentMethods<Agent> as [] extends ClientParameters<AgentMethods<Agent>[Name]> ? Name : never
  ]: AgentMethods<Agent>[Name];
};

/** The methods that need arguments. */
export type RequiredAgentMethods<Agent> = Omit<AgentMethods<Agent>, keyof OptionalAgentMethods<Agent>>;

/** The typed stub of an agent. */
export type AgentStub<Agent> = RPCMethods<Agent>;

/** The stub of an agent whose class is not known. */
// oxlint-disable-next-line typescript/no-explicit-any
export type UntypedAgentStub = Record<string, (...args: any[]) => Promise<any>>;

/** Whether a type is an agent's, and not the type of a state. */
type IsAgent<T> = T extends { setState: AnyMethod } ? true : false;

/** Whether methods can be read off a type: an agent's class, or a plain contract of methods. */
export type IsTyped<T> =
  IsAny<T> extends true
    ? false
    : T extends Primitive | readonly unknown[]
      ? false
      : true extends IsAgent<T>
        ? true
        : [keyof AgentMethods<T>] extends [never]
          ? false
          : true;

/** The state that belongs to the one type that a program states: an agent's class, a contract, or the state itself. */
export type StateOf<T> =
  IsAny<T> extends true
    ? T
    : T extends { setState: AnyMethod; state: infer State }
      ? State
      : IsTyped<T> extends true
        ? // A contract says nothing of the state.
          // oxlint-disable-next-line typescript/no-explicit-any
          any
        : T;

/** The stub for the one type that a program states. */
export type StubOf<T> = IsTyped<T> extends true ? AgentStub<T> : UntypedAgentStub;

/** Names that `call` takes. */
export type CallName<T> = IsTyped<T> extends true ? keyof AgentMethods<T> & string : string;

type MethodOf<T, Name> = IsTyped<T> extends true ? (Name extends keyof T ? T[Name] : never) : AnyMethod;

/** The arguments that `call` takes, as one array; it may be left out where all of them may. */
export type CallArguments<T, Name> =
  IsTyped<T> extends true ? Readonly<ClientParameters<MethodOf<T, Name>>> : readonly unknown[];

/** What `call` gives. */
export type CallResult<T, Name> = ClientResult<MethodOf<T, Name>>;

/** The options of `call`, with the values that this method streams. */
export type CallOptionsFor<T, Name> = AnyCallOptions<ClientChunk<MethodOf<T, Name>>, CallResult<T, Name>>;

/** Names that `stream` takes: of methods that stream, where that is known. */
export type StreamName<T> =
  IsTyped<T> extends true
    ? {
        [Name in CallName<T>]: SplitStream<MethodOf<T, Name>> extends { stream: unknown } ? Name : never;
      }[CallName<T>]
    : string;

/** What `stream` gives. */
export type StreamOf<T, Name> =
  // The values of an agent that is not known.
  // oxlint-disable-next-line typescript/no-explicit-any
  IsTyped<T> extends true ? AgentStream<ClientChunk<MethodOf<T, Name>>, CallResult<T, Name>> : AgentStream<any, any>;
