export { MessageType } from "./protocol/message-type";
