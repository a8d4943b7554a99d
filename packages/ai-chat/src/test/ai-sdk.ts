import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    aiSdk: 6 | 7;
  }
}

/** The major version of the AI SDK that the tests run on: 7 in `npm test`, 6 in `npm run test:ai-6`. */
export const aiSdk = inject("aiSdk");
