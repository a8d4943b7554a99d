import type { OAuthStorage } from "./oauth-provider";

interface Sealed {
  sealed: 1;
  iv: Uint8Array;
  data: Uint8Array;
}

const isSealed = (value: unknown): value is Sealed => (value as Partial<Sealed> | null | undefined)?.sealed === 1;

/**
 * A storage that nobody can read without the key: AES-256-GCM, bound to the name of each entry. What was stored before there was a key is
 * read as it is. What the key does not open is as if it were not there: the user signs in again.
 */
export function sealedStorage(storage: OAuthStorage, secret: string): OAuthStorage {
  let made: Promise<CryptoKey> | undefined;
  const cryptoKey = () => (made ??= deriveKey(secret));
  const open = async (name: string, value: unknown): Promise<unknown> => {
    if (!isSealed(value)) return value;
    const algorithm = { name: "AES-GCM", iv: value.iv, additionalData: bytesOf(name) };
    try {
      const text = await crypto.subtle.decrypt(algorithm, await cryptoKey(), value.data);
      return JSON.parse(new TextDecoder().decode(text));
    } catch {
      return undefined;
    }
  };
  return {
    async get(name) {
      return open(name, await storage.get(name));
    },
    async put(name, value) {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const algorithm = { name: "AES-GCM", iv, additionalData: bytesOf(name) };
      const data = await crypto.subtle.encrypt(algorithm, await cryptoKey(), bytesOf(JSON.stringify(value)));
      const sealed: Sealed = { sealed: 1, iv, data: new Uint8Array(data) };
      await storage.put(name, sealed);
    },
    delete: (name) => storage.delete(name),
    async list(options) {
      const entries = await storage.list(options);
      const opened = new Map<string, unknown>();
      for (const [name, value] of entries) opened.set(name, await open(name, value));
      return opened;
    }
  };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function deriveKey(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", bytesOf(secret), "HKDF", false, ["deriveKey"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytesOf("agents.mcp.tokens") };
  return crypto.subtle.deriveKey(algorithm, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}
