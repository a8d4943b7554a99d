import { AgentError } from "../protocol/errors";

// What ends a line, or is nothing that can be shown. A tab may be in the value of a header.
// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/;
const addressForm = /^(?:[^\s<>(),;:"\\@[\]]+|"(?:[^"\\]|\\.)*")@(?:[^\s<>(),;:"\\@[\]]+|\[[^\s<>"\\@[\]]+\])$/u;
const nameForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** @throws EMAIL_INVALID for a text that would not stay in its line */
export function checkLine(what: string, text: unknown): string {
  if (typeof text !== "string") throw invalid(`${what} must be a text, and is ${typeof text}`);
  if (control.test(text))
    throw invalid(`${what} has a line break or another control character: ${JSON.stringify(text)}`);
  return text;
}

/** @throws EMAIL_INVALID for what is not one address, without a name */
export function checkAddress(what: string, address: unknown): string {
  const text = checkLine(what, address);
  if (!addressForm.test(text)) throw invalid(`${what} must be one address, without a name: ${JSON.stringify(text)}`);
  return text;
}

/** @throws EMAIL_INVALID for what cannot be a header */
export function checkHeader(name: string, value: unknown): string {
  if (!nameForm.test(name)) throw invalid(`${JSON.stringify(name)} is not the name of a header`);
  return checkLine(`The header ${name}`, value);
}

export const invalid = (message: string): AgentError => new AgentError("EMAIL_INVALID", message);
