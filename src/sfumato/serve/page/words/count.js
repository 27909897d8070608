// How many pictures at once.
import { html, useStore } from "../h.js";
import { Tool } from "../ui/controls.js";
import { wish } from "../wish.js";

const MOST = 16;

export function Count() {
  const count = useStore(wish, (value) => value.count ?? 1);
  const change = (step) => wish.set({ count: Math.min(Math.max(count + step, 1), MOST) });
  return html`<div class="count" role="group" aria-label="How many pictures">
    <${Tool} icon="minus" label="One fewer" bare disabled=${count <= 1} onClick=${() => change(-1)} />
    <output aria-live="polite" aria-label="${count} ${count === 1 ? "picture" : "pictures"}">${count}</output>
    <${Tool} icon="plus" label="One more" bare disabled=${count >= MOST} onClick=${() => change(1)} />
  </div>`;
}
