import { createElement, Suspense } from "react";
import { renderToPipeableStream, renderToString } from "react-dom/server";
import { renderToReadableStream } from "react-dom/server.edge";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, it, vi } from "vitest";
import { useAgent } from ".";

const query = vi.fn(async () => ({ token: "t" }));

function Counter() {
  const agent = useAgent<{ count: number }>({ agent: "MyCounter", name: "c", query });
  return createElement("p", null, agent.agent, " ", agent.name, " ", agent.state?.count ?? "unknown");
}

const page = createElement(Suspense, { fallback: "Authenticating..." }, createElement(Counter));
const plain = (html: string) => html.replaceAll(/<!--.*?-->/g, "");
const rendered = "<p>my-counter c unknown</p>";

async function pipeable(): Promise<string> {
  const { pipe } = renderToPipeableStream(page);
  return text(pipe(new PassThrough()));
}

// There is no page and no connection, and whose query would it be?
it.each([
  ["as a text", () => renderToString(page)],
  ["as a text, without a boundary", () => renderToString(createElement(Counter))],
  ["as a stream of the web", async () => text(await renderToReadableStream(page))],
  ["as a stream of Node", pipeable]
])("renders on a server %s, loads nothing, and does not wait", async (_name, render) => {
  expect(plain(await render())).toBe(rendered);
  expect(query).not.toHaveBeenCalled();
});
