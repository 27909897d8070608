// How strictly the words are followed, and by which guide: a number is the scale of cfg, "apg(7, eta=0.5)" is all of it.
import { html, useStore } from "../h.js";
import { useKnown } from "../known.js";
import { Choice, Slider } from "../ui/controls.js";
import { wish } from "../wish.js";

const USUAL = 4;
const CFG = { name: "cfg", scale: [2, 12] };

// -> its name, its scale and what else it says; of a guide around another, all is the name.
export function guideOf(guidance) {
  if (typeof guidance !== "string") return { name: "cfg", scale: guidance ?? USUAL, rest: "" };
  const found = /^([a-z_0-9]+)(?:\((\d*\.?\d+)((?:,.*)?)\))?$/i.exec(guidance);
  if (!found) return { name: guidance, scale: null, rest: "" };
  return { name: found[1], scale: found[2] === undefined ? null : Number(found[2]), rest: found[3] ?? "" };
}

const text = (name, scale, rest) => (name === "cfg" && !rest ? scale : scale === null ? name : `${name}(${scale}${rest})`);

// The scale that a guide begins with: the one that is set, if it lies among its usual ones.
function firstOf({ scale: range }, scale) {
  if (!range) return null;
  return scale >= range[0] && scale <= range[1] ? scale : (range[0] + range[1]) / 2;
}

export function Guidance({ check }) {
  const { name, scale, rest } = guideOf(useStore(wish, (value) => value.guidance));
  const known = useKnown("/v1/guides")?.guides ?? [CFG];
  const guides = known.filter((each) => !each.wraps);
  const guide = guides.find((each) => each.name === name);
  const options = [...guides.map((each) => [each.name, each.name]), ...(guide ? [] : [[name, name]])];
  const most = Math.max(guide?.scale?.[1] ?? 0, 1) * 1.25;
  const change = (next) => {
    const chosen = guides.find((each) => each.name === next);
    if (chosen) wish.set({ guidance: text(next, firstOf(chosen, scale ?? USUAL), "") });
  };
  return html`
    ${scale === null ? null : html`<${Slider} label="Guidance" min="0" max=${most} step=${most > 4 ? 0.5 : 0.05} value=${scale}
      onChange=${(next) => wish.set({ guidance: text(name, next, rest) })} hint="How strictly it follows the words." idle=${check.at("guidance")} />`}
    <${Choice} label="Guide" value=${name} options=${options} onChange=${change} idle=${scale === null ? check.at("guidance") : undefined} />`;
}
