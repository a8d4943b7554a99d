import { useEffect, useState } from "react";
import { Icon } from "./icons";

const themes = ["system", "light", "dark"] as const;
type Theme = (typeof themes)[number];

/** Steps through system, light and dark. The choice is kept in this browser; index.html applies it before the first paint. */
export function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme);

  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // Storage is off: the choice lasts until the page is reloaded.
    }
  }, [theme]);

  const next = themes[(themes.indexOf(theme) + 1) % themes.length]!;
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Theme: ${theme}. Switch to ${next}`}
      title={`Theme: ${theme}`}
      onClick={() => setTheme(next)}
    >
      <Icon name={theme === "system" ? "contrast" : theme === "light" ? "sun" : "moon"} />
    </button>
  );
}

function storedTheme(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem("theme")) ?? "system";
  } catch {
    return "system";
  }
}
