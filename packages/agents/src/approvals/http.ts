import { AgentError, type AgentErrorCode } from "../protocol/errors";
import type { Approval, ApprovalAuditEntry, ApprovalStatus } from "./approval";
import { hasRight, invalid, type ApprovalChoice } from "./input";
import type { ApprovalFilter } from "./list";

/** Who asks, as the program knows it. */
export interface ApprovalViewer {
  by: string;
  rights?: readonly string[];
}

/** What HTTP needs of the approvals of an agent. */
interface Desk {
  list(filter: ApprovalFilter): Approval[];
  get(id: string): Approval | undefined;
  audit(id: string): ApprovalAuditEntry[];
  viewed(id: string, by: string): void;
  decide(id: string, choice: ApprovalChoice): Approval;
}

const statusByCode: Partial<Record<AgentErrorCode, number>> = {
  APPROVAL_INVALID: 400,
  APPROVAL_FORBIDDEN: 403,
  APPROVAL_UNKNOWN: 404,
  APPROVAL_CHANGED: 409,
  APPROVAL_DECIDED: 409,
  APPROVAL_EXPIRED: 410
};

// Edited arguments, and what is around them.
const maxBodyLength = 1_000_000;
const statuses: readonly (string | null)[] = ["pending", "approved", "rejected", "expired", "cancelled"];

/** Lists, shows and decides over HTTP; nothing for a path that is not about approvals. */
export async function handleRequest(
  approvals: Desk,
  request: Request,
  viewer: ApprovalViewer | undefined,
  failed: (error: unknown) => Promise<void>
): Promise<Response | undefined> {
  const { pathname, searchParams } = new URL(request.url);
  const match = /\/approvals(?:\/([^/]+))?\/?$/.exec(pathname);
  if (!match) return undefined;
  if (!viewer) return refusal(401, "APPROVAL_FORBIDDEN", "Say who you are");
  try {
    const id = match[1] === undefined ? undefined : decoded(match[1]);
    if (request.method === "GET") {
      return answer(id === undefined ? listed(approvals, searchParams, viewer) : shown(approvals, id, viewer));
    }
    if (request.method !== "POST" || id === undefined) return refusal(405, "APPROVAL_INVALID", "No such method");
    // A page of another site can send a form by itself, and JSON only if this one allows it.
    if (!/^application\/json\b/i.test(request.headers.get("content-type") ?? "")) {
      return refusal(415, "APPROVAL_INVALID", "Send JSON, as application/json");
    }
    const { approved, comment, args, argsHash, grant } = choiceIn(await request.text());
    const choice = { approved, comment, args, argsHash, grant, by: viewer.by, rights: viewer.rights };
    return answer({ approval: publicOf(approvals.decide(id, choice)) });
  } catch (error) {
    const status = AgentError.isInstance(error) ? statusByCode[error.code] : undefined;
    if (status !== undefined) return refusal(status, (error as AgentError).code, (error as AgentError).message);
    await failed(error);
    return refusal(500, "INTERNAL", "Internal error");
  }
}

function listed(approvals: Desk, query: URLSearchParams, { rights = [] }: ApprovalViewer) {
  const status = query.get("status");
  if (status !== null && !statuses.includes(status)) throw invalid("There is no such status");
  const limit = query.get("limit");
  const page = approvals.list({
    status: (status as ApprovalStatus | null) ?? undefined,
    source: query.get("source") ?? undefined,
    subject: query.get("subject") ?? undefined,
    before: query.get("before") ?? undefined,
    limit: limit === null ? undefined : Number(limit),
    rights
  });
  return { approvals: page.map(publicOf) };
}

function shown(approvals: Desk, id: string, { by, rights }: ApprovalViewer) {
  const approval = approvals.get(id);
  if (approval && !hasRight(approval.scope ?? null, rights)) {
    throw new AgentError("APPROVAL_FORBIDDEN", `To see this takes the right "${approval.scope}"`);
  }
  approvals.viewed(id, by);
  return { approval: approval && publicOf(approval), audit: approvals.audit(id) };
}

/** The context is between the requester and its handler. */
function publicOf({ context: _, ...rest }: Approval): Omit<Approval, "context"> {
  return rest;
}

function choiceIn(text: string): Omit<ApprovalChoice, "by" | "rights"> {
  if (text.length > maxBodyLength) throw invalid("The body is too large");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalid("The body is not JSON");
  }
  if (typeof body !== "object" || body === null) throw invalid("The body must be an object");
  // Each field is checked by `decide`.
  return body as ApprovalChoice;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw invalid("The id in the path cannot be decoded");
  }
}

const answer = (body: unknown): Response => Response.json(body, { headers: { "cache-control": "no-store" } });

const refusal = (status: number, code: AgentErrorCode | "INTERNAL", message: string): Response =>
  Response.json({ error: { code, message } }, { status, headers: { "cache-control": "no-store" } });
