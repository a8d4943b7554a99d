// The snippets of the page "Retries" about `this.retry()` and class options.
import { Agent, type RetryOptions } from "agents";
import { expectTypeOf } from "vitest";

class HttpError extends Error {
  constructor(
    readonly status: number,
    text: string
  ) {
    super(text);
  }
}

export class MyAgent extends Agent {
  // proves retries#examples
  async fetchWithRetry(url: string) {
    const response = await this.retry(async () => {
      const res = await fetch(url);
      if (!res.ok) throw new Error(`HTTP ${res.status}`);
      return res.json();
    });
    return response;
  }

  async examples() {
    const data = await this.retry(() => fetch("https://api.example.com/data"));
    expectTypeOf(data).toEqualTypeOf<Response>();
    await this.retry(
      async () => {
        const res = await fetch("https://slow-api.example.com/data");
        if (!res.ok) throw new Error(`HTTP ${res.status}`);
        return res.json();
      },
      {
        maxAttempts: 5,
        baseDelayMs: 500,
        maxDelayMs: 10000
      }
    );
    const result = await this.retry(async (attempt) => {
      console.log(`Attempt ${attempt}...`);
      return await this.callExternalService();
    });
    expectTypeOf(result).toEqualTypeOf<{ ok: boolean }>();
  }

  async callExternalService() {
    return { ok: true };
  }

  async selective() {
    return await this.retry(
      async () => {
        const res = await fetch("https://api.example.com/data");
        if (!res.ok) throw new HttpError(res.status, await res.text());
        return res.json();
      },
      {
        maxAttempts: 5,
        shouldRetry: (err, nextAttempt) => {
          expectTypeOf(nextAttempt).toEqualTypeOf<number>();
          // Do not retry 4xx client errors — our request is wrong
          if (err instanceof HttpError && err.status >= 400 && err.status < 500) {
            return false;
          }
          return true; // retry everything else (5xx, network errors, etc.)
        }
      }
    );
  }

  // proves retries#logging
  async resilientTask(payload: { url: string }) {
    try {
      const result = await this.retry(
        async (attempt) => {
          if (attempt > 1) {
            console.log(`Retrying ${payload.url} (attempt ${attempt})...`);
          }
          const res = await fetch(payload.url);
          if (!res.ok) throw new Error(`HTTP ${res.status}`);
          return res.json();
        },
        { maxAttempts: 5 }
      );
      console.log("Success:", result);
    } catch (e) {
      console.error("All retries failed:", e);
    }
  }

  // proves retries#fallback
  async fetchData() {
    try {
      return await this.retry(() => fetch("https://primary-api.example.com/data"), {
        maxAttempts: 3,
        baseDelayMs: 200
      });
    } catch {
      // Primary failed, try fallback
      return await this.retry(() => fetch("https://fallback-api.example.com/data"), { maxAttempts: 2 });
    }
  }
}

export class Whole extends Agent {
  static override options = {
    retry: { maxAttempts: 5, baseDelayMs: 200, maxDelayMs: 5000 }
  };
}

export class Partial extends Agent {
  // Only override maxAttempts; baseDelayMs (100) and maxDelayMs (3000) stay default
  static override options = {
    retry: { maxAttempts: 10 }
  };
}

expectTypeOf<RetryOptions>().toEqualTypeOf<{ maxAttempts?: number; baseDelayMs?: number; maxDelayMs?: number }>();
