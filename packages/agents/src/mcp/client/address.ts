import { AgentError } from "../../protocol/errors";

/** What may be reached beside public addresses. */
export interface AddressRules {
  /** For development: servers on this machine. */
  allowLoopback: boolean;
}

/**
 * A URL that an agent may ask: a public one, by http or https. Names are judged by themselves, since the runtime cannot tell what they
 * resolve to; on Cloudflare's network, those of private addresses lead nowhere.
 *
 * @throws MCP_SERVER_INVALID for what is no such URL, MCP_URL_BLOCKED for an address that is not public
 */
export function checkedUrl(input: string | URL, { allowLoopback }: AddressRules): URL {
  const text = String(input);
  if (!URL.canParse(text)) throw invalid(`"${text}" is not a URL`);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw invalid(`An MCP server is reached by https, http or a binding, not by "${url.protocol}"`);
  }
  if (url.username !== "" || url.password !== "") {
    throw invalid("A URL with a user or password would be shown to clients; pass an Authorization header instead");
  }
  const kind = kindOf(url.hostname);
  if (kind === "public" || (kind === "loopback" && allowLoopback)) return url;
  const advice =
    kind === "loopback"
      ? 'For development, set MCP_ALLOW_LOOPBACK="true" in .dev.vars.'
      : "Use a Durable Object binding for a server of your own.";
  throw new AgentError(
    "MCP_URL_BLOCKED",
    `Blocked URL: ${url.origin} is a private, loopback or otherwise internal address. ${advice}`
  );
}

const invalid = (message: string) => new AgentError("MCP_SERVER_INVALID", message);

/** Two URLs that lead to the same server are the same text. */
export function normalUrl(url: URL): string {
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.protocol}//${url.host}${path}${url.search}`;
}

type Kind = "public" | "loopback" | "internal";

// Names that stand for addresses of this machine or its network, whatever the resolver: RFC 6761, RFC 6762, RFC 8375, clouds.
const internalNames = /(^|\.)(local|internal|intranet|lan|corp|home|home\.arpa|localdomain)$/;
// Services that resolve any address which is written into the name.
const wildcardNames =
  /(^|\.)(nip\.io|sslip\.io|xip\.io|traefik\.me|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|yoogle\.com|127-0-0-1\.org\.uk)$/;

/** Of a host as `URL` writes it: it has put each spelling of an IPv4 address into the usual one. */
function kindOf(hostname: string): Kind {
  if (hostname.startsWith("[")) return kindOfIPv6(groupsOf(hostname.slice(1, -1)));
  const name = hostname.replace(/\.+$/, "");
  const bytes = /^\d+\.\d+\.\d+\.\d+$/.test(name) ? name.split(".").map(Number) : undefined;
  if (bytes) return kindOfIPv4(bytes);
  if (/(^|\.)localhost$/.test(name)) return "loopback";
  if (!name.includes(".") || internalNames.test(name) || wildcardNames.test(name)) return "internal";
  return "public";
}

// All that is not global unicast (RFC 6890), as address and length of the prefix.
const internalIPv4: readonly [address: string, length: number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4]
];

const numberOf = (bytes: readonly number[]) => bytes.reduce((sum, byte) => sum * 256 + byte, 0);

function kindOfIPv4(bytes: readonly number[]): Kind {
  if (bytes[0] === 127) return "loopback";
  const address = numberOf(bytes);
  const isInternal = internalIPv4.some(([prefix, length]) => {
    const size = 2 ** (32 - length);
    return Math.floor(address / size) === Math.floor(numberOf(prefix.split(".").map(Number)) / size);
  });
  return isInternal ? "internal" : "public";
}

/** The eight groups of an address as `URL` writes it: in hexadecimal, shortened at most once. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const first = parse(head);
  if (tail === undefined) return first;
  const last = parse(tail);
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}

function kindOfIPv6(groups: readonly number[]): Kind {
  const [first = 0, second = 0] = groups;
  const startsWith = (...prefix: number[]) => prefix.every((group, index) => groups[index] === group);
  const embedded = (at: number) =>
    kindOfIPv4([groups[at]! >> 8, groups[at]! & 0xff, groups[at + 1]! >> 8, groups[at + 1]! & 0xff]);
  if (startsWith(0, 0, 0, 0, 0, 0, 0, 1)) return "loopback";
  // Mapped (::ffff:0:0/96), translated (::ffff:0:0:0/96, 64:ff9b::/96), compatible (::/96) and 6to4 (2002::/16): an IPv4 address inside.
  if (startsWith(0, 0, 0, 0, 0, 0xffff) || startsWith(0, 0, 0, 0, 0xffff, 0)) return embedded(6);
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return embedded(6);
  if (startsWith(0, 0, 0, 0, 0, 0)) return embedded(6);
  if (first === 0x2002) return embedded(1);
  // Global unicast is 2000::/3. Of it, Teredo (2001::/32), ORCHID (2001:10::/28, 2001:20::/28) and documentation lead nowhere public.
  if (first < 0x2000 || first > 0x3fff) return "internal";
  if (first === 0x2001 && (second === 0 || (second & 0xffe0) === 0 || second === 0xdb8)) return "internal";
  if (first === 0x3fff && second < 0x1000) return "internal";
  return "public";
}
