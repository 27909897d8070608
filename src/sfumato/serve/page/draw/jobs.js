import { html } from "../h.js";

export function Jobs() {
  return html`<p class="empty">The list of jobs is being built.</p>`;
}
