// Adapters (LoRA) of the server's folder: chosen, weighed, and their trigger words put into the box by a press.
import { html, useStore } from "../h.js";
import { useKnown } from "../known.js";
import { Choice, Slider, Tool } from "../ui/controls.js";
import { wish } from "../wish.js";

const change = (name, weight) =>
  wish.set(({ adapters }) => ({ adapters: adapters.map((each) => (each[0] === name ? [name, weight, weight] : each)) }));
const drop = (name) => wish.set(({ adapters }) => ({ adapters: adapters.filter((each) => each[0] !== name) }));
const add = (name) => wish.set(({ adapters }) => ({ adapters: [...adapters, [name, 0.8, 0.8]] }));
const say = (word) => wish.set(({ prompt }) => ({ prompt: prompt.trim() ? `${prompt.trim()}, ${word}` : word }));

export function Adapters({ idle }) {
  const chosen = useStore(wish, (value) => value.adapters);
  const prompt = useStore(wish, (value) => value.prompt);
  const known = useKnown("/v1/adapters")?.adapters ?? [];
  const free = known.filter((each) => !chosen.some(([name]) => name === each.name) && !each.obstacle);
  const useless = known.filter((each) => each.obstacle);
  if (!known.length && !chosen.length) return null;
  return html`<div class="adapters" role="group" aria-label="Adapters">
    ${chosen.map(([name, weight]) => html`<div class="adapter" key=${name}>
      <div class="with-tool">
        <${Slider} label=${name} min="-1" max="2" step="0.05" value=${weight} onChange=${(next) => change(name, next)}
          idle=${idle?.includes(name) ? idle : undefined} />
        <${Tool} icon="close" label="Take ${name} off" bare onClick=${() => drop(name)} />
      </div>
      <${Triggers} words=${known.find((each) => each.name === name)?.triggers ?? []} prompt=${prompt} />
    </div>`)}
    ${free.length ? html`<${Choice} label="Adapter" value="" options=${[["", "add one …"], ...free.map((each) => [each.name, each.name])]}
      onChange=${(name) => name && add(name)} />` : null}
    ${useless.map((each) => html`<p class="hint" key=${each.name}>${each.name} cannot be used: ${each.obstacle}</p>`)}
  </div>`;
}

function Triggers({ words, prompt }) {
  const missing = words.filter((each) => !prompt.toLowerCase().includes(each.toLowerCase()));
  if (!missing.length) return null;
  return html`<p class="hint">It answers to
    ${missing.map((each) => html` <button type="button" class="chip" key=${each} onClick=${() => say(each)}>${each}</button>`)}
  </p>`;
}
