// What the picture was drawn by: its seed, which can be kept, thrown again or copied, its size and steps.
import { html, useStore } from "../h.js";
import { Tool } from "../ui/controls.js";
import { say } from "../ui/notices.js";
import { anySeed, restored, wish } from "../wish.js";
import { draw } from "./run.js";

export async function copied(text, what) {
  try {
    await navigator.clipboard.writeText(String(text));
    say(`Copied ${what}`);
  } catch {
    say(`The browser does not let this page copy. ${what}: ${text}`, { failed: true }); // over plain http
  }
}

export function Seed({ record }) {
  const locked = useStore(wish, (value) => value.seed !== null && String(value.seed) === String(record.seed));
  const again = () => {
    const seed = anySeed();
    if (wish.get().seed !== null) wish.set({ seed });
    draw([restored(record.request, { seed })]);
  };
  return html`<div class="made" role="group" aria-label="How it was drawn">
    <span>seed <b>${String(record.seed)}</b></span>
    <span class="together">
      <${Tool} icon=${locked ? "lock" : "open"} label=${locked ? "Seed kept: let it go" : "Keep this seed"} bare pressed=${locked}
        onClick=${() => wish.set({ seed: locked ? null : record.seed })} />
      <${Tool} icon="dice" label="Another seed" bare onClick=${again} />
      <${Tool} icon="copy" label="Copy the seed" bare onClick=${() => copied(record.seed, "the seed")} />
    </span>
    <span>${record.width} × ${record.height}</span>
    ${record.request?.steps ? html`<span>${record.request.steps} steps</span>` : null}
    <span>${record.model}</span>
  </div>`;
}
