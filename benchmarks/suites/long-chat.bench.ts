// A conversation of 10,000 messages in Chromium: until its end is painted, and how smooth the page is while an answer streams.
import { launch } from "../../e2e/harness/browser.ts";
import { shipBrowser } from "../harness/build.ts";
import { ChatClient, textMessage } from "../harness/chat-client.ts";
import { cost, type Metrics } from "../harness/metrics.ts";
import { scratch } from "../harness/paths.ts";
import { atMost, type Lane, type Suite } from "../harness/suite.ts";

const served = { worker: "chat", className: "BenchChat", keep: true };
const length = 10_000;
const words = 1500;

// As an application does it at the least: all messages that the hook has, each rendered when it changes, the end in view.
const page = `
  import { createElement, memo, Suspense, useLayoutEffect } from "react";
  import { createRoot } from "react-dom/client";
  import { useAgent } from "agents/react";
  import { useAgentChat } from "@cloudflare/ai-chat/react";

  const Message = memo(({ message: { id, parts } }) =>
    createElement("p", { "data-id": id }, parts.map(({ text }) => text ?? "").join(""))
  );
  function Chat() {
    const agent = useAgent({ agent: "bench-chat", name: "long" });
    const { messages, sendMessage, status } = useAgentChat({ agent });
    window.ask = (text) => void sendMessage({ text });
    useLayoutEffect(() => void scrollTo(0, document.documentElement.scrollHeight), [messages]);
    return createElement("main", { "data-status": status }, messages.map((message) => createElement(Message, { key: message.id, message })));
  }
  createRoot(document.getElementById("root")).render(createElement(Suspense, null, createElement(Chat)));
`;

declare global {
  interface Window {
    ask(text: string): void;
    /** When the last message of the conversation had been painted. */
    paintedMs: number | undefined;
    /** What kept the page busy for more than 50 ms. */
    tasksMs: number[];
  }
}

/** Runs in the page, before anything else there. */
function observe(lastId: string): void {
  window.tasksMs = [];
  new PerformanceObserver((list) => window.tasksMs.push(...list.getEntries().map(({ duration }) => duration))).observe({
    type: "longtask"
  });
  new MutationObserver((_, observer) => {
    if (!document.querySelector(`[data-id="${lastId}"]`)) return;
    observer.disconnect();
    // A message to oneself comes after the frame.
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => (window.paintedMs = performance.now()), { once: true });
    port1.start();
    requestAnimationFrame(() => port2.postMessage(""));
  }).observe(document, { subtree: true, childList: true });
}

/** Storage with the conversation, and the id of the last of its messages that is named by a client. */
async function makeConversation(lane: Lane): Promise<{ storage: string; lastId: string }> {
  const known = lane.memo.get("long") as { storage: string; lastId: string } | undefined;
  if (known) return known;
  const storage = scratch("long-conversation");
  const server = await lane.start({ ...served, storage });
  const client = await ChatClient.open(server, "long");
  const text = "the quick brown fox jumps over the lazy dog ".repeat(4);
  await client.fill(Array.from({ length }, (_, index) => textMessage(index % 2 === 0 ? "user" : "assistant", text)));
  await client.close();
  await server.stop();
  const made = { storage, lastId: client.messages.findLast(({ role }) => role === "user")!.id };
  lane.memo.set("long", made);
  return made;
}

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** CPU time, in microseconds. */
  tdur?: number;
  args?: { name?: string };
}

/** The CPU time of each task of the main threads of pages. */
function tasksCpuMs(trace: string): number[] {
  const { traceEvents } = JSON.parse(trace) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const isMain = ({ name, args }: TraceEvent) => name === "thread_name" && args?.name === "CrRendererMain";
  const main = new Set(traceEvents.filter(isMain).map(thread));
  const tasks = traceEvents.filter((event) => event.tdur !== undefined && main.has(thread(event)));
  if (tasks.length === 0) throw new Error("The trace has no tasks");
  return tasks.map(({ tdur }) => tdur! / 1000);
}

async function run(lane: Lane): Promise<Metrics | undefined> {
  // The floor has nothing for browsers.
  if (lane.implementation.floor) return undefined;
  const { storage, lastId } = await makeConversation(lane);
  const { all } = await shipBrowser(lane.implementation, page);
  const server = await lane.start({ ...served, storage });
  const browser = await launch();
  try {
    const context = await browser.newContext();
    // What is given to a page in place of a response counts as from elsewhere.
    await context.grantPermissions(["local-network-access"]);
    const tab = await context.newPage();
    let bytes = 0;
    tab.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => (bytes += payload.length)));
    tab.on("response", async (response) => {
      if (response.url().includes("get-messages")) bytes += (await response.body()).length;
    });
    const html = `<!doctype html><div id="root"></div><script type="module">${all[0]!.text.replaceAll("</script", "<\\/script")}</script>`;
    await tab.route(`${server.url}/`, (route) => route.fulfill({ contentType: "text/html", body: html }));
    await tab.addInitScript(observe, lastId);
    await tab.goto(`${server.url}/`);
    await tab.waitForFunction(() => window.paintedMs !== undefined, undefined, { timeout: 60_000 });
    const paintedMs = await tab.evaluate(() => window.paintedMs!);
    const loaded = bytes;

    const devtools = await context.newCDPSession(tab);
    await devtools.send("Performance.enable");
    const busyMs = async () => {
      const { metrics } = await devtools.send("Performance.getMetrics");
      return metrics.find(({ name }) => name === "TaskDuration")!.value * 1000;
    };
    await tab.waitForSelector('main[data-status="ready"]');
    await browser.startTracing(tab, { categories: ["toplevel"] });
    const before = await busyMs();
    await tab.evaluate((question) => {
      window.tasksMs = [];
      window.ask(question);
    }, `turns ${words}`);
    await tab.waitForFunction(
      (last) =>
        document.querySelector("main")!.dataset.status === "ready" &&
        document.querySelector("main")!.lastElementChild!.textContent.includes(last),
      `word${words - 1} `,
      { timeout: 120_000 }
    );
    const busy = ((await busyMs()) - before) / words;
    const cpuMs = tasksCpuMs((await browser.stopTracing()).toString());
    const tasksMs = await tab.evaluate(() => window.tasksMs);
    return {
      paint: cost(paintedMs, "ms until the last message is painted"),
      loaded: cost(loaded / 1000, "kB of messages"),
      longest: cost(Math.max(0, ...cpuMs), "ms CPU of the longest task while an answer streams"),
      longestTime: cost(Math.max(0, ...tasksMs), "ms that it took, or another (0: none over 50)"),
      busy: cost(busy, "ms of the page's main thread/chunk")
    };
  } finally {
    await browser.close();
    await server.stop();
  }
}

export const longChat: Suite = {
  name: "long-chat",
  rounds: 3,
  benches: [
    {
      id: "long-chat",
      title: "10,000 messages in Chromium",
      targets: { paint: atMost(1000), longest: atMost(100) },
      run
    }
  ]
};
