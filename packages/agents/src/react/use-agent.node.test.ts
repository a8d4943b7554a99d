import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import { useAgent } from ".";

it("renders on a server, which has no page and no connection", () => {
  function Counter() {
    const agent = useAgent<{ count: number }>({ agent: "MyCounter", name: "c" });
    return createElement("p", null, agent.agent, " ", agent.name, " ", agent.state?.count ?? "unknown");
  }
  expect(renderToString(createElement(Counter)).replaceAll("<!-- -->", "")).toBe("<p>my-counter c unknown</p>");
});
