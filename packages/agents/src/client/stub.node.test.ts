import { expect, it, vi } from "vitest";
import { createStubProxy } from "./stub";

it("calls by the property's name, with its arguments", async () => {
  const call = vi.fn(async (method: string, args: unknown[]) => [method, args]);
  const stub = createStubProxy(call);
  expect(await stub.add!(1, 2)).toEqual(["add", [1, 2]]);
  expect(call).toHaveBeenCalledOnce();
});

it("gives the same function each time", () => {
  const stub = createStubProxy(() => undefined);
  expect(stub.add).toBe(stub.add);
  expect(stub.add).not.toBe(stub.subtract);
});

it.each(["then", "toJSON", "constructor", "__proto__", "toString", "valueOf", "hasOwnProperty", "$$typeof"])(
  "has no %s",
  (name) => {
    expect(createStubProxy(() => "called")[name]).toBeUndefined();
  }
);

it("has no symbols", () => {
  const stub = createStubProxy(() => "called");
  expect(Reflect.get(stub, Symbol.iterator)).toBeUndefined();
  expect(Reflect.get(stub, Symbol.toPrimitive)).toBeUndefined();
});

it("can be awaited, printed as JSON, spread and compared without a call", async () => {
  const call = vi.fn();
  const stub = createStubProxy(call);
  await stub;
  JSON.stringify({ stub });
  expect({ ...stub }).toEqual({});
  expect(stub).toEqual(stub);
  expect(call).not.toHaveBeenCalled();
});

it("cannot be changed", () => {
  const stub = createStubProxy(() => "called");
  expect(() => Object.assign(stub, { add: 1 })).toThrow(TypeError);
});
