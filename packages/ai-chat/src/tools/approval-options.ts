/** A schema by the Standard Schema convention: those of zod, valibot, ArkType and others. */
export interface InputSchema {
  readonly "~standard": { validate(value: unknown): Checked | Promise<Checked> };
}

type Checked =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** What the application says of a call that waits for approval. */
export interface ToolApprovalOptions {
  /** The right that whoever decides must have: a word of yours. Without it, everybody may whom `authorize` lets. */
  scope?: string | undefined;
  /** When it is too late to decide, in ms since the epoch. Never, if left out. */
  expiresMs?: number | undefined;
  /**
   * Whether whoever approves may change the input of the call; not, if left out. With the schema of the tool's input, a client
   * that sends something else is refused.
   */
  editable?: boolean | InputSchema | undefined;
  /** Who asks, for the trail. */
  requestedBy?: string | undefined;
}

/** What is run instead of what the model wanted. */
export interface EditedInput {
  /** As it was sent. */
  sent: unknown;
  /** What the schema makes of it. */
  input: unknown;
}

export const schemaOf = ({ editable }: ToolApprovalOptions): InputSchema | undefined =>
  typeof editable === "object" ? editable : undefined;

/**
 * Checks an edited input.
 *
 * @returns what is to be run; a text that says why it cannot be
 */
export function checkInput(schema: InputSchema, sent: unknown): EditedInput | string | Promise<EditedInput | string> {
  const read = (checked: Checked): EditedInput | string =>
    checked.issues ? checked.issues.map(({ message }) => message).join("; ") : { sent, input: checked.value };
  const checked = schema["~standard"].validate(sent);
  return checked instanceof Promise ? checked.then(read) : read(checked);
}
