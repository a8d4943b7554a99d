import type { UntypedAgentStub } from "./types";

// What JavaScript itself and its tools ask of an object: `await` asks for `then`, JSON for `toJSON`, React and test
// runners for the rest. A call to the server is not the answer.
const asked = new Set(["then", "toJSON", "$$typeof", "asymmetricMatch", "nodeType", "@@__IMMUTABLE_ITERABLE__@@"]);

/**
 * Makes an object whose every property is a function that calls `call` with the property's name.
 *
 * @param call how a method is called
 * @returns the stub; a property is the same function each time
 * @example
 * const stub = createStubProxy<{ add(a: number, b: number): Promise<number> }>((method, args) => client.call(method, args));
 * await stub.add(1, 2);
 */
export function createStubProxy<Stub extends object = UntypedAgentStub>(
  call: (method: string, args: unknown[]) => unknown
): Stub {
  const methods = new Map<string, (...args: unknown[]) => unknown>();
  return new Proxy(Object.freeze(Object.create(null)) as Stub, {
    get(_, name) {
      if (typeof name === "symbol" || asked.has(name) || name in Object.prototype) return undefined;
      let method = methods.get(name);
      if (!method) methods.set(name, (method = (...args) => call(name, args)));
      return method;
    }
  });
}
