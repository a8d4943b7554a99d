/** Calls a function of the application. What it throws is reported, and does not keep the conversation from going on. */
export function callBack(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }
}
