import type { AbstractChat, FileUIPart, UIMessage } from "ai";
import { randomId } from "./requests";

/** What can be said: `{ text }`, `{ text, files }`, or the parts of a message. With `messageId`, it replaces that message of the user. */
export type NewMessage<Message extends UIMessage = UIMessage> = NonNullable<
  Parameters<AbstractChat<Message>["sendMessage"]>[0]
>;

/** As a page gives them: a `FileList`. */
type Files = ArrayLike<Pick<File, "name" | "type" | "arrayBuffer">>;

interface Fields {
  id?: string;
  role?: UIMessage["role"];
  text?: string;
  files?: Files | FileUIPart[];
  parts?: UIMessage["parts"];
  metadata?: unknown;
}

/** Makes a message of what the user says. Files have to be read first: then it is a promise. */
export function newMessage(said: NewMessage): UIMessage | Promise<UIMessage> {
  const { files = [] } = said as Fields;
  return Array.isArray(files) ? messageOf(said, files) : readFiles(files).then((parts) => messageOf(said, parts));
}

function messageOf(said: NewMessage, files: FileUIPart[]): UIMessage {
  const { id = randomId(), role = "user", text, parts, metadata } = said as Fields;
  const spoken: UIMessage["parts"] = text === undefined ? [] : [{ type: "text", text }];
  const message: UIMessage = { id, role, parts: parts ?? [...files, ...spoken] };
  if (metadata !== undefined) message.metadata = metadata;
  return message;
}

function readFiles(files: Files): Promise<FileUIPart[]> {
  return Promise.all(
    Array.from(files, async (file): Promise<FileUIPart> => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      return {
        type: "file",
        mediaType: file.type,
        filename: file.name,
        url: `data:${file.type};base64,${base64(bytes)}`
      };
    })
  );
}

function base64(bytes: Uint8Array): string {
  let text = "";
  // A function takes only so many arguments.
  for (let from = 0; from < bytes.length; from += 0x8000)
    text += String.fromCharCode(...bytes.subarray(from, from + 0x8000));
  return btoa(text);
}
