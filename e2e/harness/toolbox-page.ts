import type { BrowserContext, Locator, Page } from "playwright-core";
import { withoutLiveReload } from "./live-reload.ts";

/** The page of the example `mcp-client`, as its user sees it. */
export class ToolboxPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens the page of an agent, and waits until it is connected. */
  static async open(
    context: BrowserContext,
    url: string,
    name: string,
    { liveReload = true }: { liveReload?: boolean } = {}
  ): Promise<ToolboxPage> {
    const toolbox = new ToolboxPage(await context.newPage());
    if (!liveReload) await toolbox.page.addInitScript(withoutLiveReload);
    await toolbox.page.goto(`${url}/?agent=${name}`);
    await toolbox.connection("connected");
    return toolbox;
  }

  async connection(status: "connected" | "disconnected"): Promise<void> {
    const shown = this.page.locator(`[data-testid="connection-status"][data-status="${status}"]`);
    await shown.waitFor({ timeout: 45_000 });
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** Adds a server, and waits until it is shown in this state. */
  async add(name: string, url: string, state: string): Promise<void> {
    await this.page.getByRole("textbox", { name: "Address" }).fill(url);
    await this.page.getByRole("textbox", { name: "Name" }).fill(name);
    await this.button("Add").click();
    await this.is(name, state);
    // It is the one that is shown.
    await this.page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
    await this.button("Add").waitFor();
  }

  server(name: string): Locator {
    return this.page.getByTestId("server").filter({ hasText: name });
  }

  /** Waits for a state of a server. */
  async is(name: string, state: string): Promise<void> {
    await this.page.locator(`[data-testid="server"][data-state="${state}"]`).filter({ hasText: name }).waitFor();
  }

  async choose(name: string): Promise<void> {
    await this.server(name).click();
    await this.page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
  }

  /** The names of what the chosen server offers. */
  offers(): Promise<string[]> {
    return this.page.getByTestId("offer").evaluateAll((all: HTMLElement[]) => all.map((offer) => offer.dataset.name!));
  }

  /** A tool, a prompt or a resource of the chosen server, opened. */
  async offer(name: string): Promise<Locator> {
    const offer = this.page.locator(`[data-testid="offer"][data-name="${name}"]`);
    if ((await offer.getAttribute("open")) === null) await offer.locator("summary").click();
    return offer;
  }

  /** Uses it, and waits for the answer. */
  async use(name: string, text?: string): Promise<string> {
    const offer = await this.offer(name);
    if (text !== undefined) await offer.getByRole("textbox").fill(text);
    await offer.getByRole("button").click();
    return offer.getByTestId("answer").innerText();
  }

  /** Clicks "Sign in", and resolves with the window that opens. */
  async signIn(): Promise<Page> {
    const opened = this.page.waitForEvent("popup");
    await this.button("Sign in").click();
    const popup = await opened;
    await popup.getByRole("button", { name: "Allow" }).waitFor();
    return popup;
  }
}
