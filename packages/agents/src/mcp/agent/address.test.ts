import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { identityOf } from "./identity";
import { findNamespace } from "./namespace";
import { eventFrame, eventId, readEventFrame, readEventId } from "./wire";

it("finds the binding of a class by the usual name, by its own, or as it is told", () => {
  const { Toolbox, Made } = env;
  expect(findNamespace("Toolbox", undefined, { Toolbox, MCP_OBJECT: Made }, {})).toBe(Made);
  expect(findNamespace("Toolbox", undefined, { Toolbox, Made, text: "x" }, {})).toBe(Toolbox);
  expect(findNamespace("Toolbox", undefined, { TOOLBOX: Toolbox, Made }, {})).toBe(Toolbox);
  expect(findNamespace("Toolbox", "Made", { Toolbox, Made }, {})).toBe(Made);
  expect(findNamespace("Toolbox", undefined, {}, { exports: { Toolbox } })).toBe(Toolbox);
});

it("says what it looked for when there is none", () => {
  expect(() => findNamespace("Toolbox", undefined, { Made: env.Made }, {})).toThrow(
    'Toolbox.serve() looked for a Durable Object binding "MCP_OBJECT", "Toolbox"; this Worker has Made.'
  );
  expect(() => findNamespace("Toolbox", "X", { X: "text" }, undefined)).toThrow(/has none/);
});

it.each<[props: unknown, identity: string | undefined]>([
  [{ userId: "ada", accessToken: "t" }, "userId:ada"],
  [{ claims: { sub: "1", name: "Ada" }, permissions: [] }, "sub:1"],
  [{ user: { id: 7 } }, "id:7"],
  [{ login: "ada", email: "ada@example.com" }, "login:ada"],
  [{ accessToken: "t" }, undefined],
  ["ada", undefined],
  [undefined, undefined]
])("knows whose session it is by what does not change: %j", (props, identity) => {
  expect(identityOf(props)).toBe(identity);
});

it("reads what it writes, and no event ids of others", () => {
  expect(readEventId(eventId(3, 14))).toEqual({ stream: 3, place: 14 });
  expect(readEventFrame(eventFrame("3-14", '{"a":\n1}'))).toEqual({ id: "3-14", message: '{"a":\n1}' });
  for (const id of ["", "3", "3-", "-1-2", "3-14 ", "a-b", "1-99999999999999999999"])
    expect(readEventId(id)).toBeUndefined();
});
