const paths = {
  arrowDown: "M12 5v14m0 0 6-6m-6 6-6-6",
  arrowUp: "M12 19V5m0 0-6 6m6-6 6 6",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5a2.2 2.2 0 0 0 4 0",
  chat: "M4 7.5A3.5 3.5 0 0 1 7.5 4h9A3.5 3.5 0 0 1 20 7.5v5a3.5 3.5 0 0 1-3.5 3.5H11l-5 4v-4.3a3.5 3.5 0 0 1-2-3.2z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  chevron: "m9 6 6 6-6 6",
  chevronLeft: "m15 6-6 6 6 6",
  clock: "M12 7v5l3 2m6-2a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  close: "m6 6 12 12M18 6 6 18",
  cloud: "M7 18a4 4 0 0 1-.5-7.97 5.5 5.5 0 0 1 10.7-1.03A4.5 4.5 0 0 1 17 18z",
  contrast: "M12 3a9 9 0 1 0 0 18zm0 0a9 9 0 0 1 0 18",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  info: "M12 11v5m0-8.5v.01M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  pencil: "M4 20l.8-3.8L15.6 5.4a2 2 0 0 1 3 3L7.8 19.2zM13.8 7.2l3 3",
  plus: "M12 5v14M5 12h14",
  refresh: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9m0-5v5h-5",
  sliders:
    "M4 7h9m5 0h2M4 17h2m5 0h9M15.5 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zm-7 10a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  stop: "M7 7h10v10H7z",
  sum: "M5 7h6M8 4v6M14 7h5M14 15h5M14 18.5h5M5.5 14.5l5 5m0-5-5 5",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.5V4m0 16v1.5M4 12H2.5m19 0H20M5.3 5.3l1 1m11.4 11.4 1 1m0-13.4-1 1M6.3 17.7l-1 1",
  tool: "M14.5 6.5a4 4 0 0 1 5-1l-2.7 2.7 1.5 1.5L21 7a4 4 0 0 1-5.3 5L8 19.7a2 2 0 0 1-2.8-2.8L13 9.2a4 4 0 0 1 1.5-2.7z",
  trash: "M4 7h16M9.5 7V4.5h5V7M6 7l1 13h10l1-13M10 11v5.5m4-5.5v5.5",
  warning: "M12 9v4.5m0 3v.01M12 3.5 2.5 20h19z"
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
