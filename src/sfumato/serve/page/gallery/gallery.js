import { html } from "../h.js";

export function Gallery() {
  return html`<p class="empty">The gallery is being built.</p>`;
}
