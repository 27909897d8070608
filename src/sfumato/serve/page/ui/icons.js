// Icons, drawn on a grid of 24 with one stroke. They say nothing to a screen reader: the control beside does.
import { html } from "../h.js";

const PATHS = {
  draw: "M4 20c4-1 6-2 8-5l8-9-3-2-8 9c-2 3-4 4-5 7z",
  gallery: "M4 4h7v7H4z M13 4h7v7h-7z M4 13h7v7H4z M13 13h7v7h-7z",
  jobs: "M4 6h16 M4 12h16 M4 18h10",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M12 2v2 M12 20v2 M2 12h2 M20 12h2 M5 5l1.4 1.4 M17.6 17.6L19 19 M5 19l1.4-1.4 M17.6 6.4L19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  auto: "M12 3a9 9 0 1 0 0 18z M12 3a9 9 0 0 1 0 18",
  close: "M6 6l12 12 M18 6L6 18",
  check: "M5 13l4 4L19 7",
  down: "M6 9l6 6 6-6",
  plus: "M12 5v14 M5 12h14",
  minus: "M5 12h14",
  lock: "M6 11h12v9H6z M8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  open: "M6 11h12v9H6z M8.5 11V8a3.5 3.5 0 0 1 6.7-1.4",
  dice: "M4 4h16v16H4z M8.5 8.5h.01 M15.5 15.5h.01 M12 12h.01 M15.5 8.5h.01 M8.5 15.5h.01",
  copy: "M9 9h11v11H9z M5 15H4V4h11v1",
  star: "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9L12 16.9l-5.2 2.8 1-5.9L3.5 9.7l5.9-.8z",
  download: "M12 4v11 M7 10.5l5 5 5-5 M5 20h14",
  trash: "M5 7h14 M10 7V4h4v3 M7 7l1 13h8l1-13",
  sliders: "M4 7h9 M17 7h3 M4 17h3 M11 17h9 M15 4.5v5 M9 14.5v5",
  variations: "M4 4h10v10H4z M17 8h3v12H8v-3",
  image: "M4 5h16v14H4z M4 16l5-5 4 4 3-3 4 4 M15.5 9h.01",
  brush: "M14 4l6 6-8 8H6v-6z M4 21h16",
  grow: "M4 10V4h6 M20 14v6h-6 M4 4l7 7 M20 20l-7-7",
  styles: "M12 3a9 9 0 1 0 0 18c2 0 2.5-1.5 1.5-2.8-1-1.4 0-3.2 1.8-3.2H18a3 3 0 0 0 3-3c0-5-4-9-9-9z M7.5 11.5h.01 M10 7.5h.01 M15 7.5h.01",
  spark: "M12 4l1.8 5.2L19 11l-5.2 1.8L12 18l-1.8-5.2L5 11l5.2-1.8z M19 17v4 M17 19h4",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z M16 16l4.5 4.5",
  undo: "M9 8L4 12l5 4 M4 12h10a6 6 0 0 1 6 6",
  redo: "M15 8l5 4-5 4 M20 12H10a6 6 0 0 0-6 6",
  live: "M13 3L5 14h6l-1 7 8-11h-6z",
  use: "M4 12h12 M11 7l5 5-5 5 M20 5v14",
  compare: "M12 3v18 M4 6h5v12H4z M15 6h5v12h-5z",
  mask: "M4 4h16v16H4z M8.5 12a3.5 3.5 0 1 0 7 0 3.5 3.5 0 1 0-7 0 M12 8.5v7 M9.6 9.6v4.8 M14.4 9.6v4.8",
  frame: "M8 8h8v8H8z M4 8V4h4 M16 4h4v4 M20 16v4h-4 M8 20H4v-4",
  layout: "M4 12h7v8H4z M13 4h7v9h-7z",
  regions: "M4 4h9v9H4z M11 13v7h9v-9h-7 M6.5 7h4 M14 17h4",
  pose: "M12 3.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4z M12 7.5V14 M5.5 9.5l6.5.5 6.5-2.5 M12 14l-3.5 6.5 M12 14l4 6.5",
  eraser: "M9 20l-5-5L14.5 4.5l6 6L11 20z M9 20h11 M8.5 10.5l6 6",
  fill: "M4 12l8-8 7 7-8 8a1.5 1.5 0 0 1-2 0l-5-5a1.5 1.5 0 0 1 0-2z M4.5 12.5H18 M20 15.5c1 1.5 1.5 2.3 1.5 3a1.5 1.5 0 0 1-3 0c0-.7.5-1.5 1.5-3z",
  invert: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 3v18 M12 8h7.5 M12 12h9 M12 16h7.5",
  mirror: "M12 3v18 M9 7l-5 10h5z M15 7l5 10h-5z",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 11v5 M12 8h.01",
};

export function Icon({ name, filled = false }) {
  return html`<svg class="icon ${filled ? "filled" : ""}" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} />
  </svg>`;
}
