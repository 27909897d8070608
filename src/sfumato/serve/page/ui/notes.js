// What is to be said of a picture: lines about what had no effect, and, folded into one quiet line, how it was drawn.
import { html } from "../h.js";

const FAST = /^drawn fast\b/;

export function Notes({ notes }) {
  const fast = notes.find((each) => FAST.test(each));
  const others = notes.filter((each) => each !== fast);
  return html`
    ${others.length ? html`<ul class="notes" aria-label="Notes">${others.map((each) => html`<li key=${each}>${each}</li>`)}</ul>` : null}
    ${fast ? html`<details class="aside"><summary>Drawn fast</summary>
      <p>${fast[0].toUpperCase() + fast.slice(1)}. “Exact”, in the settings, draws it alike to the last bit, and slower.</p>
    </details>` : null}
  `;
}
