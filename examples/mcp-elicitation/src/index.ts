import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpAgent } from "agents/mcp";
import { z } from "zod";

interface Env {
  Shop: DurableObjectNamespace<Shop>;
}

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A shop that asks its user before it takes money. */
export class Shop extends McpAgent<Env, { orders: string[] }> {
  server = new McpServer({ name: "shop", version: "1.0.0" });
  initialState = { orders: [] };

  override async init() {
    this.server.registerTool(
      "order",
      { description: "Orders an article", inputSchema: { article: z.string() } },
      async ({ article }, { requestId }) => {
        // Nothing that must not happen twice stands before a question: after an eviction the tool begins again, with the answers that
        // there are.
        const where = await this.elicitInput(
          {
            message: `Where shall we send your ${article}?`,
            requestedSchema: {
              type: "object",
              properties: {
                address: { type: "string", title: "Address", minLength: 5 },
                speed: { type: "string", title: "Delivery", enum: ["normal", "fast"] }
              },
              required: ["address"]
            }
          },
          { relatedRequestId: requestId }
        );
        if (where.action !== "accept") return text("You have ordered nothing.");
        const sure = await this.elicitInput(
          {
            message: "It costs 20 €. Do you want it?",
            requestedSchema: { type: "object", properties: { sure: { type: "boolean" } }, required: ["sure"] }
          },
          { relatedRequestId: requestId }
        );
        if (sure.action !== "accept" || !sure.content?.sure) return text("You have ordered nothing.");
        this.setState({ orders: [...this.state.orders, article] });
        return text(`Your ${article} goes to ${where.content?.address}. This is order ${this.state.orders.length}.`);
      }
    );
  }
}

export default Shop.serve("/mcp");
