export { controlClock, type TestClock } from "./clock";
export { connect, type ConnectOptions, type TestConnection } from "./connection";
export { introspect, type Introspection } from "./introspect";
export { cut, evict, killAll } from "./life";
export { mailbox, type Delivery, type IncomingMail, type Mailbox, type SentMail } from "./mailbox";
export { ScriptedModel, type ScriptedCall, type ScriptedPrompt, type ScriptedStep } from "./scripted-model";
export { drainQueue } from "./work";
