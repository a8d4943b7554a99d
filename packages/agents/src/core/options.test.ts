import { describe, expect, it } from "vitest";
import { DEFAULT_AGENT_STATIC_OPTIONS, resolveOptions, type AgentStaticOptions } from "./options";

class Base {
  static options: AgentStaticOptions = {};
}

describe("the options of a class", () => {
  // proves routing#hibernate, routing#sendIdentityOnConnect, routing#hungScheduleTimeoutSeconds
  it("are the defaults when it says nothing", () => {
    expect(resolveOptions(Base)).toEqual(DEFAULT_AGENT_STATIC_OPTIONS);
    expect(DEFAULT_AGENT_STATIC_OPTIONS).toEqual({
      hibernate: true,
      sendIdentityOnConnect: true,
      hungScheduleTimeoutSeconds: 30,
      inspect: false,
      retry: { maxAttempts: 3, baseDelayMs: 100, maxDelayMs: 3000 }
    });
  });

  it("are its own, then those of its base classes, field by field", () => {
    class Parent extends Base {
      static override options: AgentStaticOptions = {
        sendIdentityOnConnect: false,
        retry: { maxAttempts: 10, maxDelayMs: 5000 }
      };
    }
    class Silent extends Parent {}
    class Child extends Silent {
      static override options: AgentStaticOptions = { hibernate: false, retry: { maxAttempts: 1 } };
    }
    expect(resolveOptions(Child)).toEqual({
      hibernate: false,
      sendIdentityOnConnect: false,
      hungScheduleTimeoutSeconds: 30,
      inspect: false,
      retry: { maxAttempts: 1, baseDelayMs: 100, maxDelayMs: 5000 }
    });
    expect(resolveOptions(Silent)).toEqual(resolveOptions(Parent));
    expect(resolveOptions(Base)).toEqual(DEFAULT_AGENT_STATIC_OPTIONS);
  });

  it("do not count what is undefined", () => {
    class Unsure extends Base {
      static override options: AgentStaticOptions = {
        hibernate: undefined as never,
        retry: { maxAttempts: undefined as never }
      };
    }
    expect(resolveOptions(Unsure)).toEqual(DEFAULT_AGENT_STATIC_OPTIONS);
  });
});
