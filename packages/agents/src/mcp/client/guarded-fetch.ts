import type { FetchLike } from "@modelcontextprotocol/sdk/shared/transport.js";
import { checkedUrl, type AddressRules } from "./address";

/**
 * A `fetch` for one server: each address that is asked is judged, those of redirects and of sign-in too, and the headers of the program go
 * to the server's own origin and nowhere else.
 */
export function guardedFetch(server: URL, headers: Record<string, string>, rules: AddressRules): FetchLike {
  return async (input, init = {}) => {
    const url = checkedUrl(input, rules);
    const sent = new Headers(init.headers);
    const isServer = url.origin === server.origin && url.pathname === server.pathname;
    for (const [name, value] of url.origin === server.origin ? Object.entries(headers) : []) {
      // A token endpoint beside the server has an Authorization of its own.
      if (isServer || !sent.has(name)) sent.set(name, value);
    }
    const { method = "GET", body = null, signal = null } = init;
    // Of what else clients ask for, workerd does not know all; redirects are followed by the SDK, one by one.
    return fetch(url, { method, body, signal, headers: sent, redirect: "manual" });
  };
}
