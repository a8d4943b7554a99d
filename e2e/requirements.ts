import type { Later, Page } from "./requirements/page.ts";
import { starter } from "./requirements/starter.ts";

/**
 * What the product promises, page by page. A test cites what it proves in a comment directly above it, by page and id:
 * `// proves websockets#onMessage, websockets#tags`. `npm run check` fails on an id that no test proves.
 */
export const pages: Readonly<Record<string, Page>> = {
  starter
};

/** What the same pages promise and later issues will build. */
export const later: Readonly<Record<string, Later>> = {};
