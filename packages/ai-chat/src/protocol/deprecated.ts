const warned = new Set<string>();

/** Says once for each name what to use instead. */
export function deprecated(name: string, instead: string): void {
  if (warned.has(name)) return;
  warned.add(name);
  console.warn(`${name} is deprecated: ${instead}`);
}
