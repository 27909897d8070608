import { html } from "../h.js";

export function Draw() {
  return html`<p class="empty">The draw view is being built.</p>`;
}
