const paths = {
  alert: "M12 8v5m0 3.200v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  chevron: "m9 6 6 6-6 6",
  contrast: "M12 3a9 9 0 1 0 0 18zm0 0a9 9 0 0 1 0 18",
  document: "M6.500 3.500h7.500l4 4v13h-11.500zM13.500 3.500V8H18M9.500 12.500h5m-5 3.500h5",
  key: "M14.500 13a4.500 4.500 0 1 0-4.300-3.200L4 16v4h4v-2.500h2.500V15l1.700-1.700c.7.200 1.500.3 2.300-.3zM15.500 8.500v.01",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  plug: "M9 3v5m6-5v5M6 8h12v3.500a6 6 0 0 1-12 0zm6 9.500V21",
  plus: "M12 5v14M5 12h14",
  quote:
    "M4 7.5A3.5 3.5 0 0 1 7.5 4h9A3.5 3.5 0 0 1 20 7.5v5a3.5 3.5 0 0 1-3.5 3.5H11l-5 4v-4.3a3.500 3.500 0 0 1-2-3.2z",
  refresh: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9m0-5v5h-5",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5V4m0 16v1.5M4 12H2.5m19 0H20M5.3 5.3l1 1m11.4 11.4 1 1m0-13.4-1 1M6.3 17.7l-1 1",
  tool: "M14.5 6.5a4 4 0 0 1 5-1l-2.7 2.7 1.5 1.5L21 7a4 4 0 0 1-5.3 5L8 19.7a2 2 0 0 1-2.8-2.8L13 9.2a4 4 0 0 1 1.5-2.7z",
  trash: "M4 7h16M9.5 7V4.5h5V7M6 7l1 13h10l1-13M10 11v5.5m4-5.5v5.5"
};

export type IconName = keyof typeof paths;

/** Decoration only: whatever contains it needs a text or a label. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
