import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import { formValidator } from "./form-validator";

/**
 * Has a server check answers of users with what Workers can run. What a program has chosen itself (`jsonSchemaValidator`) stays. To be
 * called before the server is connected.
 */
export function setFormValidator(server: McpServer | Server): void {
  // The SDK keeps it in a field; without a choice it has made one that cannot work here.
  const validating = ("server" in server ? server.server : server) as unknown as { _jsonSchemaValidator: unknown };
  if (validating._jsonSchemaValidator instanceof AjvJsonSchemaValidator)
    validating._jsonSchemaValidator = formValidator;
}
