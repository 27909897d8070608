// How strongly, and for which part of the walk, a control is followed.
import { html } from "../h.js";
import { Slider } from "../ui/controls.js";
import { controlsOf, replaced } from "./steering.js";

const share = (value) => `${Math.round(value * 100)} %`;

export function Walk({ start = 0, stop = 1, onChange }) {
  return html`<div class="two">
    <${Slider} label="From" min=${0} max=${0.95} step=${0.05} value=${start} shown=${share(start)}
      onChange=${(value) => onChange({ start: value, stop: Math.max(stop, Math.min(value + 0.05, 1)) })} />
    <${Slider} label="Until" min=${0.05} max=${1} step=${0.05} value=${stop} shown=${share(stop)}
      onChange=${(value) => onChange({ stop: value, start: Math.min(start, Math.max(value - 0.05, 0)) })} />
  </div>`;
}

export function Follow({ board, by, what, hint }) {
  const controls = controlsOf(board.wish);
  const place = board.placeOf(by);
  if (place < 0) return null;
  const { weight = 1, start, stop } = controls[place];
  const set = (changes) => board.onWish({ controls: replaced(controls, place, changes) });
  return html`
    <${Slider} label="How closely the ${what} are followed" min=${0} max=${2} step=${0.05} value=${weight} shown=${weight.toFixed(2)}
      hint=${hint} idle=${weight ? null : `At 0 the ${what} have no effect.`} onChange=${(value) => set({ weight: value })} />
    <details class="more"><summary>For a part of the steps</summary><${Walk} start=${start} stop=${stop} onChange=${set} /></details>
  `;
}
