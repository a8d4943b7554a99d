export { MessageType } from "agents/types";
export type { ChatClientFrame as IncomingMessage, ChatServerFrame as OutgoingMessage } from "./protocol/frames";
