import { env } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { connect, evict } from "../test/kit";

const starter = (name: string) => env.Starter.get(env.Starter.idFromName(name));

describe("cold wake", () => {
  it("through fetch finds onStart finished", async () => {
    const response = await starter("fetch").fetch("http://test/");
    expect(await response.json()).toBe(true);
  });

  it("through a method finds onStart finished", async () => {
    expect(await starter("method").isReady()).toBe(true);
  });

  it("through a getter finds onStart finished", async () => {
    expect(await starter("getter").readiness).toBe(true);
  });

  it("through a connection, then a message, finds onStart finished", async () => {
    const stub = starter("socket");
    const connection = await connect(stub);
    expect(await connection.next((frame) => typeof frame === "object")).toMatchObject({ type: "cf_agent_identity" });
    await evict(stub);
    connection.send("hello");
    const frames: unknown[] = [await connection.nextFrame(), await connection.nextFrame(), await connection.nextFrame()];
    expect(frames).toContain("ready true");
  });
});

it("keeps synchronous methods synchronous while it is constructed and started", async () => {
  expect(await starter("order").history()).toEqual(["constructing now", "constructed now", "starting now", "started"]);
});
