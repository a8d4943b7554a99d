import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { OAuthStorage } from "./oauth-provider";
import { sealedStorage } from "./sealed-storage";

let count = 0;
/** The storage of a new object, as the program sees it with each of these keys, and as it is. */
function withKeys<Result>(run: (at: (secret?: string) => OAuthStorage) => Promise<Result>): Promise<Result> {
  const stub = env.STORAGE.get(env.STORAGE.idFromName(`sealed-${count++}`));
  return runInDurableObject(stub, (_, { storage }) => {
    const plain: OAuthStorage = {
      get: (key) => storage.get(key),
      put: (key, value) => storage.put(key, value),
      delete: (key) => storage.delete(key),
      list: (options) => storage.list(options)
    };
    return run((secret) => (secret === undefined ? plain : sealedStorage(plain, secret)));
  });
}

const token = { access_token: "very-secret", token_type: "bearer" };

it("stores nothing that can be read, and gives back what was stored", () =>
  withKeys(async (at) => {
    await at("key").put("/a/token", token);
    const stored = await at().get("/a/token");
    const bytes = Object.values(stored as object).map((part) =>
      part instanceof Uint8Array ? String.fromCharCode(...part) : String(part)
    );
    expect(bytes.join()).not.toMatch(/secret|token|bearer/);
    expect(await at("key").get("/a/token")).toEqual(token);
    expect([...(await at("key").list({ prefix: "/a" }))]).toEqual([["/a/token", token]]);
  }));

it("opens with its key only, under its name only, and whole only", () =>
  withKeys(async (at) => {
    await at("key").put("/a/token", token);
    expect(await at("other").get("/a/token")).toBeUndefined();
    const stored = (await at().get("/a/token")) as { data: Uint8Array };
    await at().put("/b/token", stored);
    expect(await at("key").get("/b/token")).toBeUndefined();
    stored.data[0]! ^= 1;
    await at().put("/a/token", stored);
    expect(await at("key").get("/a/token")).toBeUndefined();
  }));

it("reads what was stored before there was a key", () =>
  withKeys(async (at) => {
    await at().put("/a/token", token);
    expect(await at("key").get("/a/token")).toEqual(token);
    expect(await at("key").delete("/a/token")).toBe(true);
    expect(await at("key").get("/a/token")).toBeUndefined();
  }));

it("never stores the same value in the same way", () =>
  withKeys(async (at) => {
    await at("key").put("/a", token);
    const first = await at().get("/a");
    await at("key").put("/a", token);
    expect(await at().get("/a")).not.toEqual(first);
  }));
