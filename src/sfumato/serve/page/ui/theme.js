// The switch between the system's theme, light and dark.
import { html, useState } from "../h.js";
import { Tool } from "./controls.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const SAID = {
  auto: ["auto", "Theme: as the system has it"],
  light: ["sun", "Theme: light"],
  dark: ["moon", "Theme: dark"],
};

export function Theme() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "auto");
  const change = () => {
    const next = NEXT[theme];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("sfumato.theme", next);
    } catch {
      // forbidden: it lasts until the reload
    }
    setTheme(next);
  };
  const [icon, label] = SAID[theme];
  return html`<${Tool} icon=${icon} label=${label} bare onClick=${change} />`;
}
