import { findBrowser } from "../find-browser.ts";

/** Before the tests in a browser: without one they fail, with the line that says how to get it and nothing more. */
export default function requireBrowser(): void {
  try {
    findBrowser();
  } catch (error) {
    const { message } = error as Error;
    throw Object.assign(new Error(message), { stack: "" });
  }
}
