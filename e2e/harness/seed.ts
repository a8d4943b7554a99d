import type { StoredMessage } from "./chat-page.ts";

/** A conversation of questions and answers: `m0`, `m1`, … */
export const conversation = (length: number): StoredMessage[] =>
  Array.from({ length }, (_, index) => {
    const isQuestion = index % 2 === 0;
    const text = isQuestion
      ? `Question ${index}, which is of some length?`
      : `Answer **${index}**:\n\n- one thing\n- another, with \`code\`\n\n${"More words about it. ".repeat(index % 16)}`;
    return { id: `m${index}`, role: isQuestion ? "user" : "assistant", parts: [{ type: "text", text }] };
  });

/** Makes these messages the conversation of a chat, as a client does that sets them. */
export async function seed(url: string, name: string, messages: readonly StoredMessage[]): Promise<void> {
  const address = `${url}/agents/chat-agent/${name}`;
  const socket = new WebSocket(address.replace("http", "ws"));
  const told = new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error(`No connection to ${address}`));
    // Frames are handled in turn: what comes after them is answered after them.
    socket.onmessage = ({ data }) => String(data).includes('"id":"seeded"') && resolve(undefined);
  });
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "cf_agent_chat_messages", messages }));
    socket.send(JSON.stringify({ type: "rpc", id: "seeded", method: "describeModel", args: [] }));
  };
  await told;
  socket.close();
}
