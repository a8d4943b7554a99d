import { describe, expect, it } from "vitest";
import { checkedUrl, normalUrl } from "./address";

const codeOf = (url: string, allowLoopback = false) => {
  try {
    checkedUrl(url, { allowLoopback });
    return "allowed";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("an address that is not public is refused, in every spelling", () => {
  const loopback = [
    "http://127.0.0.1/mcp",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://%31%32%37.0.0.1/",
    "http://localhost:8787/mcp",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://app.localhost/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/"
  ];
  const internal = [
    "http://10.0.0.1/",
    "http://10.255.255.255/",
    "http://012.0.0.1/",
    "http://167772161/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://3232235521/",
    "http://169.254.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/",
    "http://metadata/",
    "http://0.0.0.0/",
    "http://0/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://192.0.0.192/",
    "http://198.18.0.1/",
    "http://198.19.255.255/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[fc00::1]/",
    "http://[fdff::1]/",
    "http://[fe80::1]/",
    "http://[febf::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    "http://[2001:db8::1]/",
    "http://[2001::1]/",
    "http://[64:ff9b:1::1]/",
    "http://[::ffff:0:10.0.0.1]/",
    "http://printer.local/",
    "http://db.internal./",
    "http://router.home.arpa/",
    "http://intranet/",
    "http://10.0.0.1.nip.io/",
    "http://a9fea9fe.nip.io/",
    "http://127-0-0-1.sslip.io/",
    "http://anything.localtest.me/"
  ];

  it.each([...loopback, ...internal])("%s", (url) => expect(codeOf(url)).toBe("MCP_URL_BLOCKED"));

  it.each(loopback)("for development, this machine may be asked: %s", (url) =>
    expect(codeOf(url, true)).toBe("allowed")
  );

  it.each(internal)("also then, nothing else may: %s", (url) => expect(codeOf(url, true)).toBe("MCP_URL_BLOCKED"));
});

it.each([
  "https://mcp.example.com/mcp",
  "http://8.8.8.8/",
  "https://172.15.255.255/",
  "https://172.32.0.1/",
  "https://100.63.255.255/",
  "https://100.128.0.1/",
  "https://169.253.255.255/",
  "https://11.0.0.1/",
  "https://[2606:4700::1111]/",
  "https://[::ffff:8.8.8.8]/",
  "https://[2a00:1450::1]/",
  "https://localhost.example.com/",
  "https://my-internal.example.com/",
  "https://local.example.com:8443/mcp?x=1"
])("a public address is not: %s", (url) => expect(codeOf(url)).toBe("allowed"));

it.each([
  "not a url",
  "ftp://example.com/",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "https://user:secret@example.com/"
])("what is no address of a server is invalid: %s", (url) => expect(codeOf(url)).toBe("MCP_SERVER_INVALID"));

it("the text of an error does not repeat path and query, which may have secrets", () => {
  expect(() => checkedUrl("http://10.0.0.1/mcp?key=secret", { allowLoopback: false })).toThrow(/^(?!.*secret)/);
});

it.each([
  ["https://MCP.Example.com", "https://mcp.example.com/"],
  ["https://example.com:443/mcp", "https://example.com/mcp/"],
  ["http://example.com:80", "http://example.com"],
  ["https://example.com/mcp#part", "https://example.com/mcp"]
])("%s and %s are the same server", (one, other) => {
  expect(normalUrl(new URL(one))).toBe(normalUrl(new URL(other)));
});

it.each([
  ["https://example.com/mcp", "https://example.com/MCP"],
  ["https://example.com/mcp?a=1", "https://example.com/mcp?a=2"],
  ["https://example.com/mcp", "http://example.com/mcp"],
  ["https://example.com:8443/", "https://example.com/"]
])("%s and %s are not", (one, other) => {
  expect(normalUrl(new URL(one))).not.toBe(normalUrl(new URL(other)));
});
