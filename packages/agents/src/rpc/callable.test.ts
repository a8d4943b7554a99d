import { describe, expect, it, vi } from "vitest";
import { callable, callableMethods, inheritCallable, lookUp } from "./callable";

class Base {
  field = () => "field";
  @callable({ description: "Says hello" })
  hello() {}
  @callable()
  overridden() {}
  @callable()
  redecorated() {}
  @callable({ streaming: true })
  stream() {}
  @callable({ stream: true })
  alias() {}
  plain() {}
  get getter() {
    return () => "reached";
  }
}

class Heir extends Base {
  override overridden() {}
  @callable({ description: "New" })
  override redecorated() {}
  @callable()
  own() {}
}

class Bystander extends Base {}

describe("[M1] the methods that clients can call", () => {
  // proves callable-methods#metadata-description, callable-methods#metadata-streaming
  // proves callable-methods#getCallableMethods
  it("are those that are decorated, with what the decorator says", () => {
    expect(Object.fromEntries(callableMethods(new Base()))).toEqual({
      hello: { description: "Says hello" },
      overridden: {},
      redecorated: {},
      stream: { streaming: true },
      alias: { streaming: true }
    });
  });

  it("are inherited; an override without the decorator hides the method", () => {
    const methods = callableMethods(new Heir());
    expect([...methods.keys()].sort()).toEqual(["alias", "hello", "own", "redecorated", "stream"]);
    expect(methods.get("redecorated")).toEqual({ description: "New" });
    expect(lookUp(new Heir(), "overridden")).toEqual({ status: "hidden" });
  });

  it("of one class are not those of its siblings", () => {
    expect(callableMethods(new Bystander())).toEqual(callableMethods(new Base()));
    expect(lookUp(new Base(), "own")).toEqual({ status: "missing" });
  });

  it("keep their mark when another decorator replaces the function", () => {
    const twice = (method: () => number) => () => 2 * method();
    class Decorated {
      @callable()
      @twice
      inner() {
        return 1;
      }
      @twice
      @callable()
      outer() {
        return 1;
      }
    }
    expect([...callableMethods(new Decorated()).keys()].sort()).toEqual(["inner", "outer"]);
  });

  it("are found without metadata of the compiler, too, also behind a wrapper", () => {
    const method = () => {};
    const wrapper = () => {};
    callable({ description: "d" })(method, { kind: "method", static: false, name: "m" } as ClassMethodDecoratorContext);
    inheritCallable(wrapper, method);
    class Plain {}
    Object.defineProperty(Plain.prototype, "m", { value: wrapper });
    expect(lookUp(new Plain(), "m")).toEqual({ status: "callable", name: "m", metadata: { description: "d" } });
  });
});

describe("[M5] a look-up", () => {
  it.each(["getter", "field", "toString", "__proto__", "hasOwnProperty", "missing"])(
    "of %s finds nothing to call",
    (name) => {
      expect(lookUp(new Base(), name)).toEqual({ status: "missing" });
    }
  );

  it.each(["constructor", "plain"])("of %s finds what is not for clients", (name) => {
    expect(lookUp(new Base(), name)).toEqual({ status: "hidden" });
  });

  it("runs no getter", () => {
    const getter = vi.fn();
    class Guarded {}
    Object.defineProperty(Guarded.prototype, "secret", { get: getter });
    lookUp(new Guarded(), "secret");
    callableMethods(new Guarded());
    expect(getter).not.toHaveBeenCalled();
  });
});

describe("@callable", () => {
  // proves callable-methods#experimentalDecorators
  it.each([
    ["a static method", { kind: "method", static: true, name: "m" }],
    ["a getter", { kind: "getter", static: false, name: "m" }],
    ["a method, by a compiler of the old decorators", undefined]
  ])("on %s says what is wrong", (_name, context) => {
    expect(() => callable()(() => {}, context as ClassMethodDecoratorContext)).toThrow("experimentalDecorators");
  });
});
