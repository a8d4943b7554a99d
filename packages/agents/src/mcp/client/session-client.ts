// The client of one connection. The SDK's own brings a validator that is as large as all the rest of it, and that Workers refuse to run.
import type { RequestHandlerExtra, RequestOptions } from "@modelcontextprotocol/sdk/shared/protocol.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { AnyObjectSchema, AnySchema, SchemaOutput } from "@modelcontextprotocol/sdk/server/zod-compat.js";
import type { JsonSchemaValidator, jsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/types.js";
import type {
  CallToolRequest,
  ClientCapabilities,
  ClientNotification,
  ClientRequest,
  ClientResult,
  CompatibilityCallToolResultSchema,
  CompleteRequest,
  ElicitRequest,
  ElicitResult,
  GetPromptRequest,
  Implementation,
  ListPromptsRequest,
  ListResourcesRequest,
  ListResourceTemplatesRequest,
  ListToolsRequest,
  LoggingLevel,
  Notification,
  ReadResourceRequest,
  Request,
  Result,
  ServerCapabilities,
  SubscribeRequest,
  UnsubscribeRequest
} from "@modelcontextprotocol/sdk/types.js";
import { messageOf } from "../../protocol/errors";
import { endedCall, failureOf, type EndedCall } from "../http/ended-call";
import { formValidator } from "../http/form-validator";
import {
  CallToolResultSchema,
  CompleteResultSchema,
  CreateMessageRequestSchema,
  CreateMessageResultSchema,
  CreateMessageResultWithToolsSchema,
  CreateTaskResultSchema,
  ElicitRequestSchema,
  ElicitResultSchema,
  EmptyResultSchema,
  ErrorCode,
  getMethodLiteral,
  GetPromptResultSchema,
  InitializeResultSchema,
  LATEST_PROTOCOL_VERSION,
  ListPromptsResultSchema,
  ListResourcesResultSchema,
  ListResourceTemplatesResultSchema,
  ListToolsResultSchema,
  McpError,
  mergeCapabilities,
  Protocol,
  ReadResourceResultSchema,
  SUPPORTED_PROTOCOL_VERSIONS
} from "./sdk";
import type { McpClient, McpClientOptions } from "./types";

/** Requests of which whoever watches is told. */
const toldMethods: ReadonlySet<string> = new Set(["tools/call", "resources/read", "prompts/get"]);

// As the SDK's client: what it knows, and what a program has made up.
type AnyRequest = Request | ClientRequest;
type AnyNotification = Notification | ClientNotification;
type AnyResult = Result | ClientResult;
type Extra = RequestHandlerExtra<AnyRequest, AnyNotification>;

/** What a server must have for the methods that begin so. */
const needs: Readonly<Record<string, keyof ServerCapabilities>> = {
  logging: "logging",
  prompts: "prompts",
  resources: "resources",
  tools: "tools",
  completion: "completions"
};

/** What a client must have said that it can do, before it may do it for servers. */
const offers: Readonly<Record<string, keyof ClientCapabilities>> = {
  sampling: "sampling",
  elicitation: "elicitation",
  roots: "roots",
  tasks: "tasks"
};

const area = (method: string): string => method.split("/", 1)[0]!;

export class SessionClient extends Protocol<AnyRequest, AnyNotification, AnyResult> implements McpClient {
  /** Is told of requests of a program that have ended. */
  ended: ((call: EndedCall) => void) | undefined;
  readonly #info: Implementation;
  readonly #capabilities: ClientCapabilities;
  readonly #validator: jsonSchemaValidator;
  /** For the results of tools, by their names. */
  readonly #outputs = new Map<string, JsonSchemaValidator<unknown>>();
  #serverCapabilities: ServerCapabilities | undefined;
  #instructions: string | undefined;
  /** The server has other tools, prompts or resources than before. */
  onlistchanged?: () => void;

  constructor(info: Implementation, options: McpClientOptions = {}) {
    super(options);
    this.#info = info;
    this.#capabilities = mergeCapabilities({} as ClientCapabilities, options.capabilities ?? {});
    const { jsonSchemaValidator: given } = options;
    // Of one that was stored with the other options, no method is left.
    this.#validator = typeof given?.getValidator === "function" ? given : formValidator;
  }

  /** Greets the server. With a transport that has a session, it goes on with that. */
  override async connect(transport: Transport, options?: RequestOptions): Promise<void> {
    await super.connect(transport);
    if (transport.sessionId !== undefined) return;
    try {
      const params = {
        protocolVersion: LATEST_PROTOCOL_VERSION,
        capabilities: this.#capabilities,
        clientInfo: this.#info
      };
      const { protocolVersion, capabilities, instructions } = await this.request(
        { method: "initialize", params },
        InitializeResultSchema,
        options
      );
      if (!SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersion)) {
        throw new Error(`Server's protocol version is not supported: ${protocolVersion}`);
      }
      this.#serverCapabilities = capabilities;
      this.#instructions = instructions;
      transport.setProtocolVersion?.(protocolVersion);
      await this.notification({ method: "notifications/initialized" });
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  override async request<Schema extends AnySchema>(
    request: AnyRequest,
    resultSchema: Schema,
    options?: RequestOptions
  ): Promise<SchemaOutput<Schema>> {
    if (!this.ended || !toldMethods.has(request.method)) return this.#ask(request, resultSchema, options);
    const startedMs = Date.now();
    let error: string | undefined;
    try {
      const result = await this.#ask(request, resultSchema, options);
      error = failureOf(result);
      return result;
    } catch (thrown) {
      error = messageOf(thrown);
      throw thrown;
    } finally {
      this.ended(endedCall(request as Request, startedMs, error));
    }
  }

  /** A signal that is aborted when the answer is there tells the server nothing: the SDK would cancel what is over. */
  async #ask<Schema extends AnySchema>(
    request: AnyRequest,
    resultSchema: Schema,
    options?: RequestOptions
  ): Promise<SchemaOutput<Schema>> {
    const { signal } = options ?? {};
    if (!signal) return super.request(request, resultSchema, options);
    const over = new AbortController();
    const abort = () => over.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    try {
      return await super.request(request, resultSchema, { ...options, signal: over.signal });
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  getServerCapabilities(): ServerCapabilities | undefined {
    return this.#serverCapabilities;
  }
  getInstructions(): string | undefined {
    return this.#instructions;
  }

  ping(options?: RequestOptions) {
    return this.request({ method: "ping" }, EmptyResultSchema, options);
  }
  complete(params: CompleteRequest["params"], options?: RequestOptions) {
    return this.request({ method: "completion/complete", params }, CompleteResultSchema, options);
  }
  setLoggingLevel(level: LoggingLevel, options?: RequestOptions) {
    return this.request({ method: "logging/setLevel", params: { level } }, EmptyResultSchema, options);
  }
  getPrompt(params: GetPromptRequest["params"], options?: RequestOptions) {
    return this.request({ method: "prompts/get", params }, GetPromptResultSchema, options);
  }
  listPrompts(params?: ListPromptsRequest["params"], options?: RequestOptions) {
    return this.request({ method: "prompts/list", params }, ListPromptsResultSchema, options);
  }
  listResources(params?: ListResourcesRequest["params"], options?: RequestOptions) {
    return this.request({ method: "resources/list", params }, ListResourcesResultSchema, options);
  }
  listResourceTemplates(params?: ListResourceTemplatesRequest["params"], options?: RequestOptions) {
    return this.request({ method: "resources/templates/list", params }, ListResourceTemplatesResultSchema, options);
  }
  readResource(params: ReadResourceRequest["params"], options?: RequestOptions) {
    return this.request({ method: "resources/read", params }, ReadResourceResultSchema, options);
  }
  subscribeResource(params: SubscribeRequest["params"], options?: RequestOptions) {
    return this.request({ method: "resources/subscribe", params }, EmptyResultSchema, options);
  }
  unsubscribeResource(params: UnsubscribeRequest["params"], options?: RequestOptions) {
    return this.request({ method: "resources/unsubscribe", params }, EmptyResultSchema, options);
  }
  sendRootsListChanged(): Promise<void> {
    return this.notification({ method: "notifications/roots/list_changed" });
  }

  /** Remembers what the tools say of their results. */
  async listTools(params?: ListToolsRequest["params"], options?: RequestOptions) {
    const result = await this.request({ method: "tools/list", params }, ListToolsResultSchema, options);
    // A later page adds to those before.
    if (params?.cursor === undefined) this.#outputs.clear();
    for (const { name, outputSchema } of result.tools) {
      if (outputSchema) this.#outputs.set(name, this.#validator.getValidator(outputSchema as never));
    }
    return result;
  }

  /** @throws McpError also when the result is not what `listTools` has said that it is */
  async callTool(
    params: CallToolRequest["params"],
    resultSchema: typeof CallToolResultSchema | typeof CompatibilityCallToolResultSchema = CallToolResultSchema,
    options?: RequestOptions
  ) {
    const result = await this.request({ method: "tools/call", params }, resultSchema, options);
    const check = this.#outputs.get(params.name);
    if (!check || result.isError) return result;
    if (result.structuredContent === undefined) {
      const problem = `Tool ${params.name} has an output schema but did not return structured content`;
      throw new McpError(ErrorCode.InvalidRequest, problem);
    }
    const { valid, errorMessage } = check(result.structuredContent);
    if (valid) return result;
    const problem = `Structured content does not match the tool's output schema: ${errorMessage}`;
    throw new McpError(ErrorCode.InvalidParams, problem);
  }

  /** Whatever handlers a program sets, that a list has changed is noted too. */
  override setNotificationHandler<Schema extends AnyObjectSchema>(
    schema: Schema,
    handler: (notification: SchemaOutput<Schema>) => void | Promise<void>
  ): void {
    const isList = getMethodLiteral(schema).endsWith("/list_changed");
    super.setNotificationHandler(schema, (notification) => {
      if (isList) this.onlistchanged?.();
      return handler(notification);
    });
  }

  /** What a handler answers is checked before it is sent. */
  override setRequestHandler<Schema extends AnyObjectSchema>(
    schema: Schema,
    handler: (request: SchemaOutput<Schema>, extra: Extra) => AnyResult | Promise<AnyResult>
  ): void {
    const method = getMethodLiteral(schema);
    super.setRequestHandler(schema, async (request, extra) => {
      if (method === "elicitation/create") {
        const { params } = checked(ElicitRequestSchema, request, "elicitation request");
        this.#assertMode(params.mode ?? "form");
        const result = await handler(request, extra);
        if (params.task) return checked(CreateTaskResultSchema, result, "task creation result");
        return this.#complete(params, checked(ElicitResultSchema, result, "elicitation result"));
      }
      if (method === "sampling/createMessage") {
        const { params } = checked(CreateMessageRequestSchema, request, "sampling request");
        const result = await handler(request, extra);
        if (params.task) return checked(CreateTaskResultSchema, result, "task creation result");
        const mayUseTools = params.tools !== undefined || params.toolChoice !== undefined;
        const results = mayUseTools ? CreateMessageResultWithToolsSchema : CreateMessageResultSchema;
        return checked<AnyResult>(results, result, "sampling result");
      }
      return handler(request, extra);
    });
  }

  #assertMode(mode: "form" | "url"): void {
    const { form, url } = this.#capabilities.elicitation ?? {};
    // One that names neither has forms, as before there were two.
    if (mode === "url" ? url : (form ?? !url)) return;
    const name = mode === "url" ? "URL" : mode;
    throw new McpError(ErrorCode.InvalidParams, `Client does not support ${name}-mode elicitation requests`);
  }

  /** Puts in what the user has left to the form, if the client has said that it does so. */
  #complete(params: ElicitRequest["params"], result: ElicitResult): ElicitResult {
    const { content } = result;
    if (result.action !== "accept" || !content || !("requestedSchema" in params)) return result;
    if (!this.#capabilities.elicitation?.form?.applyDefaults) return result;
    const defaults = Object.entries(params.requestedSchema.properties).flatMap(([name, field]) =>
      "default" in field && field.default !== undefined ? [[name, field.default] as const] : []
    );
    return { ...result, content: { ...Object.fromEntries(defaults), ...content } };
  }

  // With `enforceStrictCapabilities`. What a session that goes on has been told, is not known here.
  protected override assertCapabilityForMethod(method: string): void {
    const known = this.#serverCapabilities;
    const needed = needs[area(method)];
    if (!known || !needed) return;
    if (!known[needed]) throw new Error(`Server does not support ${needed} (required for ${method})`);
    if (method === "resources/subscribe" && !known.resources?.subscribe) {
      throw new Error(`Server does not support resource subscriptions (required for ${method})`);
    }
  }

  protected override assertNotificationCapability(method: string): void {
    if (method !== "notifications/roots/list_changed" || this.#capabilities.roots?.listChanged) return;
    throw new Error(`Client does not support roots list changed notifications (required for ${method})`);
  }

  protected override assertRequestHandlerCapability(method: string): void {
    // The constructor that this one calls sets handlers too.
    if (!(#capabilities in this)) return;
    const offered = offers[area(method)];
    if (!offered || this.#capabilities[offered]) return;
    throw new Error(`Client does not support ${offered} capability (required for ${method})`);
  }

  protected override assertTaskCapability(method: string): void {
    if (method !== "tools/call" || this.#serverCapabilities?.tasks?.requests?.tools?.call) return;
    throw new Error(`Server does not support task creation (required for ${method})`);
  }

  protected override assertTaskHandlerCapability(method: string): void {
    if (!(#capabilities in this)) return;
    const { sampling, elicitation } = this.#capabilities.tasks?.requests ?? {};
    const isOffered = method === "sampling/createMessage" ? sampling?.createMessage : elicitation?.create;
    if (!isOffered) throw new Error(`Client does not support task creation (required for ${method})`);
  }
}

interface Checking<Value> {
  safeParse(value: unknown): { success: true; data: Value } | { success: false; error: { message: string } };
}

function checked<Value>(schema: Checking<Value>, value: unknown, what: string): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new McpError(ErrorCode.InvalidParams, `Invalid ${what}: ${parsed.error.message}`);
}
