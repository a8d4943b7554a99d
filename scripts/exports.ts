// What each package lets programs import: the documented names, those that are ours, and those that later issues build. The
// list is complete, and its last part shrinks. `exports.node.test.ts` holds the built packages to it.

export interface PathNames {
  /** Documented, and there when the program runs. */
  values?: readonly string[];
  /** Documented, and for the compiler only. */
  types?: readonly string[];
  /** In no specification: what our own programs and packages need. */
  ours?: readonly string[];
  /** The names of another path, all of them. */
  all?: string;
  /** A file of settings. */
  json?: true;
  /** By whoever builds them. */
  later?: Readonly<Record<string, readonly string[]>>;
}

export const exportedNames: Readonly<Record<string, PathNames>> = {
  agents: {
    values: names`
      Agent callable createHeaderBasedEmailResolver DEFAULT_AGENT_STATIC_OPTIONS DurableObjectOAuthClientProvider getAgentByName
      getCurrentAgent getSchedulePrompt isTransportNotImplemented isUnauthorized MessageType routeAgentEmail routeAgentRequest
      scheduleSchema SqlError StreamingResponse unstable_callable`,
    types: names`
      AddMcpServerOptions AddRpcMcpServerOptions AgentContext AgentMcpOAuthProvider AgentNamespace AgentOptions
      AgentsOAuthProvider AgentStaticOptions CallableMetadata Connection ConnectionContext EmailRoutingOptions
      MCPServer MCPServerMessage MCPServersState QueueItem RetryOptions RPCRequest RPCResponse Schedule
      StateUpdateMessage TransportType WSMessage`,
    ours: names`
      AddMcpServerResult AgentError AgentErrorCode CronOptions DeadLetter Hold Inspection isPlatformError Lobby MissedPolicy Operation QueueOptions
      RepeatingOptions RouteOptions ScheduleCriteria ScheduleOptions ScheduleType SqlParameter SqlRow SqlValue
      StartOptions StateSource TaskSource When WhyAwake`
  },
  "agents/types": {
    values: names`MessageType`
  },
  "agents/client": {
    values: names`AgentClient agentFetch createStubProxy`,
    types: names`
      AgentClientFetchOptions AgentClientOptions AgentMethods AgentPromiseReturnType AgentStub CallOptions
      OptionalAgentMethods RequiredAgentMethods RPCMethods StreamOptions UntypedAgentStub`,
    ours: names`
      AgentAddress AgentClientCallbacks AgentError AgentErrorCode AgentSnapshot AgentStream CallLimits ConnectionError
      Query QuerySource SetStateOptions StateOf`
  },
  "agents/mcp": {
    values: names`
      createMcpHandler ElicitRequestSchema experimental_createMcpHandler getMcpAuthContext McpAgent RPC_DO_PREFIX
      RPCClientTransport RPCServerTransport SSEEdgeClientTransport StreamableHTTPEdgeClientTransport WorkerTransport`,
    types: names`
      CORSOptions CreateMcpHandlerOptions ElicitRequest ElicitResult McpAuthContext MCPStorageApi
      MCPClientOAuthCallbackConfig MCPClientOAuthResult McpClientOptions MCPConnectionResult MCPDiscoverResult
      MCPServerOptions RPCClientTransportOptions RPCServerTransportOptions TransportState WorkerTransportOptions`,
    ours: names`
      McpFetchHandler McpHandler McpRequestContext McpServerSource ProtocolVersion ServeContext ServeOptions SqlEventStore`
  },
  "agents/mcp/client": {
    values: names`getNamespacedData MCPClientManager`,
    types: names`
      MCPClientManagerOptions MCPClientOAuthCallbackConfig MCPClientOAuthResult MCPConnectionResult MCPDiscoverResult
      MCPOAuthCallbackResult MCPServerOptions RegisterServerOptions`,
    ours: names`
      AddMcpServerOptions AddMcpServerResult AddRpcMcpServerOptions McpAITool McpBinding McpClient MCPClientConnection
      McpClientOptions MCPConnectionState MCPTransportOptions TransportType`
  },
  "agents/mcp/do-oauth-client-provider": {
    values: names`DurableObjectOAuthClientProvider`,
    types: names`AgentMcpOAuthProvider AgentsOAuthProvider`,
    ours: names`OAuthStorage`
  },
  "agents/observability": {
    values: names`channels genericObservability subscribe`,
    types: names`ChannelEventMap Observability ObservabilityEvent`
  },
  "agents/observability/otel": {
    ours: names`openTelemetry OpenTelemetryOptions recordSpan`
  },
  "agents/react": {
    values: names`useAgent`,
    types: names`UseAgentOptions`
  },
  "agents/schedule": {
    values: names`getSchedulePrompt scheduleSchema unstable_getSchedulePrompt unstable_scheduleSchema`,
    types: names`Schedule`
  },
  "agents/testing": {
    ours: names`
      connect ConnectOptions controlClock cut Delivery drainQueue evict IncomingMail introspect Introspection killAll Mailbox mailbox ScriptedCall
      ScriptedModel ScriptedPrompt ScriptedStep SentMail TestClock TestConnection`
  },
  "agents/workflows": {
    values: names`AgentWorkflow WorkflowRejectedError`,
    types: names`
      AgentWorkflowEvent AgentWorkflowStep ApprovalEventPayload DefaultProgress RunWorkflowOptions WaitForApprovalOptions
      WorkflowCallback WorkflowCallbackType WorkflowCompleteCallback WorkflowErrorCallback WorkflowEventCallback
      WorkflowEventPayload WorkflowInfo WorkflowPage WorkflowProgressCallback WorkflowQueryCriteria WorkflowStatus
      WorkflowTrackingRow`,
    ours: names`trackWorkflows WorkflowDecisionOptions WorkflowState`
  },
  "agents/x402": {
    later: {
      payments: names`
        ClientEvmSigner FacilitatorConfig Network normalizeNetwork PaymentRequired PaymentRequirements withX402
        withX402Client X402AugmentedClient X402AugmentedServer X402ClientConfig X402Config`
    }
  },
  "agents/ai-chat-agent": { all: "@cloudflare/ai-chat" },
  "agents/ai-chat-v5-migration": { all: "@cloudflare/ai-chat/ai-chat-v5-migration" },
  "agents/ai-react": { all: "@cloudflare/ai-chat/react" },
  "agents/ai-types": { all: "@cloudflare/ai-chat/types" },
  "agents/tsconfig": { json: true },
  "agents/vite": { values: names`default`, ours: names`agents AgentsPlugin Transformed` },
  "agents/capability": {
    ours: names`
      Capability CapabilityKit Check Checks ConnectionFlag FrameHandler FrameHandlers frameHandlers hasFlag
      installCapability isObject isString lazyCapability Operation publicMessage Schema SchemaDefinition send`
  },
  "agents/approvals": {
    ours: names`
      Approval ApprovalAuditEntry ApprovalChoice ApprovalDecision ApprovalFilter ApprovalGrant ApprovalRequest Approvals
      approvalsOf ApprovalStatus ApprovalViewer ApprovalVote Approved DecidedApproval DecisionHandler NotApproved
      onDecided PendingApproval`
  },
  "agents/email": {
    values: names`
      createAddressBasedEmailResolver createCatchAllEmailResolver createHeaderBasedEmailResolver
      createSecureReplyEmailResolver DEFAULT_MAX_AGE_SECONDS isAutoReplyEmail signAgentHeaders`,
    types: names`
      AgentEmail EmailHeader EmailResolver EmailResolverResult SecureReplyResolverOptions SignatureFailureReason`,
    ours: names`RawEmail ReplyOptions SendEmailOptions`
  },
  "@cloudflare/ai-chat": {
    values: names`AIChatAgent createToolsFromClientSchemas`,
    types: names`ClientToolSchema OnChatMessageOptions`,
    ours: names`
      ChatConcurrency ChatRecovery ChatRecoveryPolicy ChatTurn InputSchema OnFinish ToolApprovalOptions Usage
      WaitForMcpConnections`
  },
  "@cloudflare/ai-chat/react": {
    values: names`detectToolsRequiringConfirmation extractClientToolSchemas useAgentChat`,
    types: names`
      AITool ClientToolSchema JSONSchemaType OnToolCallCallback PrepareSendMessagesRequestOptions
      PrepareSendMessagesRequestResult`,
    ours: names`ChatSocket ToolApprovalResponse ToolCall ToolOutput UseAgentChatHelpers UseAgentChatOptions`
  },
  "@cloudflare/ai-chat/client": {
    ours: names`
      AgentChat AgentChatOptions AgentChatSnapshot AgentChatTransport AgentChatTransportOptions ChatSocket NewMessage
      OnToolCallCallback PrepareSendMessagesRequestOptions PrepareSendMessagesRequestResult RequestOptions ToolApprovalResponse
      ToolCall ToolOutput`
  },
  "@cloudflare/ai-chat/types": {
    values: names`MessageType`,
    types: names`IncomingMessage OutgoingMessage`
  },
  "@cloudflare/ai-chat/ai-chat-v5-migration": {
    values: names`
      analyzeCorruption autoTransformMessage autoTransformMessages isUIMessage migrateMessagesToUIFormat
      migrateToUIMessage needsMigration`,
    types: names`CorruptArrayMessage LegacyMessage MigratableMessage`,
    ours: names`LegacyToolInvocation MessageAnalysis`
  },
  "@cloudflare/codemode": {
    later: {
      "code mode": names`
        DynamicWorkerExecutor DynamicWorkerExecutorOptions ExecuteResult Executor generateTypesFromJsonSchema
        JsonSchemaToolDescriptor JsonSchemaToolDescriptors jsonSchemaToType normalizeCode ResolvedProvider
        resolveProvider sanitizeToolName ToolDispatcher ToolProvider`
    }
  },
  "@cloudflare/codemode/ai": {
    later: {
      "code mode": names`
        aiTools CodeInput CodeOutput createCodeTool CreateCodeToolOptions generateTypes resolveProvider
        ToolDescriptor ToolDescriptors`
    }
  },
  "@cloudflare/codemode/mcp": {
    later: {
      "code mode": names`codeMcpServer CodeMcpServerOptions openApiMcpServer OpenApiMcpServerOptions RequestOptions`
    }
  },
  "hono-agents": {
    values: names`agentsMiddleware`,
    ours: names`AgentsMiddlewareOptions`
  }
};

function names({ raw }: TemplateStringsArray): readonly string[] {
  return raw.join("").split(/\s+/).filter(Boolean);
}
