import { StrictMode, Suspense } from "react";
import { hydrateRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { expect, it, onTestFinished, vi } from "vitest";
import { fakeSockets } from "./fake-socket";
import { useAgent } from ".";

/** Puts what a server has rendered on the page, and lets React take it over. */
function hydrated(strict: boolean) {
  const sockets = fakeSockets();
  const answers: ((query: { token: string }) => void)[] = [];
  const query = () => new Promise<{ token: string }>((resolve) => answers.push(resolve));
  const seen: string[] = [];
  function Counter() {
    const options = { agent: "MyCounter", name: "c", host: "fake.example.com", WebSocket: sockets.WebSocket, query };
    const { agent, name, state } = useAgent<{ count: number }>(options);
    const text = `${agent} ${name} ${state?.count ?? "unknown"}`;
    return <p>{text}</p>;
  }
  const inside = (
    <Suspense fallback={<output>Authenticating...</output>}>
      <Counter />
    </Suspense>
  );
  const page = strict ? <StrictMode>{inside}</StrictMode> : inside;
  const container = document.createElement("div");
  container.innerHTML = renderToString(page);
  document.body.append(container);
  expect(answers).toEqual([]);
  const watch = new MutationObserver(() => seen.push(container.textContent));
  watch.observe(container, { subtree: true, childList: true, characterData: true });
  const errors = vi.fn();
  const complaints = vi.spyOn(console, "error");
  const root = hydrateRoot(container, page, { onRecoverableError: errors });
  onTestFinished(() => {
    complaints.mockRestore();
    watch.disconnect();
    root.unmount();
    container.remove();
  });
  return { sockets, answers, container, errors, complaints, seen };
}

it.each([false, true])(
  "takes over what a server has rendered, and only then loads and connects (StrictMode: %s)",
  async (strict) => {
    const { sockets, answers, container, errors, complaints, seen } = hydrated(strict);
    const element = container.querySelector("p");
    expect(container.textContent).toBe("my-counter c unknown");
    await vi.waitUntil(() => answers.length === 1);
    answers[0]!({ token: "t" });
    const socket = await sockets.next();
    expect(socket.url.searchParams.get("token")).toBe("t");
    socket.accept();
    socket.state({ count: 7 });
    await vi.waitUntil(() => container.textContent === "counter c 7");
    expect([errors.mock.calls, complaints.mock.calls, answers.length, sockets.all.length]).toEqual([[], [], 1, 1]);
    // What was there stays there: nobody sees it go and come back.
    expect([container.querySelector("p") === element, seen.filter((text) => /unknown$|Auth/.test(text))]).toEqual([
      true,
      []
    ]);
  }
);
