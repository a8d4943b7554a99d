import { SSEClientTransport, type SSEClientTransportOptions } from "@modelcontextprotocol/sdk/client/sse.js";
import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions
} from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const warned = new Set<string>();

function warn(name: string, instead: string): void {
  if (warned.has(name)) return;
  warned.add(name);
  console.warn(`${name} is deprecated: use ${instead} of @modelcontextprotocol/sdk, which runs in Workers`);
}

/** @deprecated Use `SSEClientTransport` of `@modelcontextprotocol/sdk`: it runs in Workers. */
export class SSEEdgeClientTransport extends SSEClientTransport {
  constructor(url: URL, options?: SSEClientTransportOptions) {
    warn("SSEEdgeClientTransport", "SSEClientTransport");
    super(url, options);
  }
}

/** @deprecated Use `StreamableHTTPClientTransport` of `@modelcontextprotocol/sdk`: it runs in Workers. */
export class StreamableHTTPEdgeClientTransport extends StreamableHTTPClientTransport {
  constructor(url: URL, options?: StreamableHTTPClientTransportOptions) {
    warn("StreamableHTTPEdgeClientTransport", "StreamableHTTPClientTransport");
    super(url, options);
  }
}
