// The server that the official conformance suite talks to: it has what each of its scenarios names.
import { completable } from "@modelcontextprotocol/sdk/server/completable.js";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type ElicitRequestFormParams,
  type ServerNotification,
  type ServerRequest
} from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

// One red pixel, and 100 samples of silence.
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

const image = { type: "image", data: png, mimeType: "image/png" } as const;
const text = (value: string) => ({ type: "text", text: value }) as const;
const result = (value: string) => ({ content: [text(value)] });
const resource = (uri: string, mimeType: string, value: string) =>
  ({ type: "resource", resource: { uri, mimeType, text: value } }) as const;
const message = <Content>(content: Content) => ({ role: "user" as const, content });
const wait = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

// The SDK writes schemas of an older draft, except for what they say of themselves.
const draft2020 = z
  .strictObject({ name: z.string().optional(), address: z.unknown().meta({ $ref: "#/$defs/address" }).optional() })
  .meta({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $defs: { address: { type: "object", properties: { street: { type: "string" }, city: { type: "string" } } } }
  });

/** A server with everything. */
export function everythingServer(): McpServer {
  const server = new McpServer(
    { name: "everything", version: "1.0.0" },
    { capabilities: { logging: {}, resources: { subscribe: true } } }
  );
  addContent(server);
  addConversations(server);
  addQuestions(server);
  addResources(server);
  addPrompts(server);
  return server;
}

function addContent(server: McpServer): void {
  server.registerTool("test_simple_text", { description: "Returns text" }, () =>
    result("This is a simple text response for testing.")
  );
  server.registerTool("test_image_content", { description: "Returns an image" }, () => ({ content: [image] }));
  server.registerTool("test_audio_content", { description: "Returns sound" }, () => ({
    content: [{ type: "audio", data: wav, mimeType: "audio/wav" }]
  }));
  server.registerTool("test_embedded_resource", { description: "Returns a resource" }, () => ({
    content: [resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")]
  }));
  server.registerTool("test_multiple_content_types", { description: "Returns text, an image and a resource" }, () => ({
    content: [
      text("Multiple content types test:"),
      image,
      resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    ]
  }));
  server.registerTool("test_error_handling", { description: "Fails" }, () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  server.registerTool(
    "json_schema_2020_12_tool",
    { description: "Tool with JSON Schema 2020-12 features", inputSchema: draft2020 },
    ({ name }) => result(`Hello, ${name ?? "nobody"}`)
  );
}

function addConversations(server: McpServer): void {
  server.registerTool("test_tool_with_logging", { description: "Logs while it runs" }, async ({ sendNotification }) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await sendNotification({ method: "notifications/message", params: { level: "info", data } });
      await wait(50);
    }
    return result("Logged");
  });
  server.registerTool(
    "test_tool_with_progress",
    { description: "Says how far it is" },
    async ({ _meta, sendNotification }) => {
      const progressToken = _meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined) {
          const params = { progressToken, progress, total: 100 };
          await sendNotification({ method: "notifications/progress", params });
        }
        await wait(50);
      }
      return result("Done");
    }
  );
  server.registerTool(
    "test_reconnection",
    { description: "Closes its stream; the answer comes on the next one" },
    async ({ closeSSEStream }) => {
      closeSSEStream?.();
      await wait(100);
      return result("The client came back");
    }
  );
}

function addQuestions(server: McpServer): void {
  server.registerTool(
    "test_sampling",
    { description: "Asks the model of the client", inputSchema: { prompt: z.string() } },
    async ({ prompt }, { requestId }) => {
      const { content } = await server.server.createMessage(
        { messages: [message(text(prompt))], maxTokens: 100 },
        { relatedRequestId: requestId }
      );
      return result(`LLM response: ${"text" in content ? content.text : JSON.stringify(content)}`);
    }
  );

  const ask = async ({ requestId }: Extra, params: ElicitRequestFormParams) => {
    const { action, content } = await server.server.elicitInput(params, { relatedRequestId: requestId });
    return `action=${action}, content=${JSON.stringify(content ?? {})}`;
  };
  server.registerTool(
    "test_elicitation",
    { description: "Asks the user", inputSchema: { message: z.string() } },
    async ({ message: question }, extra) => {
      const properties = {
        username: { type: "string", description: "User's response" },
        email: { type: "string", description: "User's email address" }
      } as const;
      const requestedSchema = { type: "object", properties, required: ["username", "email"] } as const;
      const answer = await ask(extra, {
        message: question,
        requestedSchema: { ...requestedSchema, required: [...requestedSchema.required] }
      });
      return result(`User response: <${answer}>`);
    }
  );
  server.registerTool("test_elicitation_sep1034_defaults", { description: "Asks with defaults" }, async (extra) => {
    const answer = await ask(extra, {
      message: "Is this right?",
      requestedSchema: {
        type: "object",
        properties: {
          name: { type: "string", default: "John Doe" },
          age: { type: "integer", default: 30 },
          score: { type: "number", default: 95.5 },
          status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
          verified: { type: "boolean", default: true }
        }
      }
    });
    return result(`Elicitation completed: ${answer}`);
  });
  server.registerTool("test_elicitation_sep1330_enums", { description: "Asks to choose" }, async (extra) => {
    const options = ["option1", "option2", "option3"];
    const titled = ["First", "Second", "Third"].map((ordinal, n) => ({ const: `value${n + 1}`, title: ordinal }));
    const answer = await ask(extra, {
      message: "Which ones?",
      requestedSchema: {
        type: "object",
        properties: {
          untitledSingle: { type: "string", enum: options },
          titledSingle: { type: "string", oneOf: titled },
          legacyEnum: {
            type: "string",
            enum: ["opt1", "opt2", "opt3"],
            enumNames: ["Option One", "Option Two", "Option Three"]
          },
          untitledMulti: { type: "array", items: { type: "string", enum: options } },
          titledMulti: { type: "array", items: { anyOf: titled } }
        }
      }
    });
    return result(`Elicitation completed: ${answer}`);
  });
}

function addResources(server: McpServer): void {
  server.registerResource(
    "static-text",
    "test://static-text",
    { description: "A text", mimeType: "text/plain" },
    ({ href }) => ({
      contents: [{ uri: href, mimeType: "text/plain", text: "This is the content of the static text resource." }]
    })
  );
  server.registerResource(
    "static-binary",
    "test://static-binary",
    { description: "An image", mimeType: "image/png" },
    ({ href }) => ({ contents: [{ uri: href, mimeType: "image/png", blob: png }] })
  );
  server.registerResource(
    "template",
    new ResourceTemplate("test://template/{id}/data", { list: undefined }),
    { description: "Data by id", mimeType: "application/json" },
    ({ href }, { id }) => {
      const value = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` });
      return { contents: [{ uri: href, mimeType: "application/json", text: value }] };
    }
  );
  server.registerResource(
    "watched",
    "test://watched-resource",
    { description: "A text to subscribe to", mimeType: "text/plain" },
    ({ href }) => ({ contents: [{ uri: href, mimeType: "text/plain", text: "Watched" }] })
  );
  const subscribed = new Set<string>();
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
}

function addPrompts(server: McpServer): void {
  server.registerPrompt("test_simple_prompt", { description: "A prompt" }, () => ({
    messages: [message(text("This is a simple prompt for testing."))]
  }));
  const begins = (names: string[]) => (typed: string) => names.filter((name) => name.startsWith(typed));
  server.registerPrompt(
    "test_prompt_with_arguments",
    {
      description: "A prompt with arguments",
      argsSchema: {
        arg1: completable(z.string().describe("First test argument"), begins(["paris", "park", "party"])),
        arg2: z.string().describe("Second test argument")
      }
    },
    ({ arg1, arg2 }) => ({
      messages: [message(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))]
    })
  );
  server.registerPrompt(
    "test_prompt_with_embedded_resource",
    { description: "A prompt with a resource", argsSchema: { resourceUri: z.string() } },
    ({ resourceUri }) => ({
      messages: [
        message(resource(resourceUri, "text/plain", "Embedded resource content for testing.")),
        message(text("Please process the embedded resource above."))
      ]
    })
  );
  server.registerPrompt("test_prompt_with_image", { description: "A prompt with an image" }, () => ({
    messages: [message(image), message(text("Please analyze the image above."))]
  }));
}
