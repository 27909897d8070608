// The drawer: everything that a wish may say beside its words. Empty means: as the model likes.
import { html, useStore } from "../h.js";
import { desk } from "../desk.js";
import { useKnown } from "../known.js";
import { Choice, Field, NumberBox, Slider, Switch, Tool } from "../ui/controls.js";
import { NOTHING, anySeed, wish } from "../wish.js";
import { Adapters } from "./adapters.js";
import { useCheck } from "./check.js";
import { Guidance } from "./guidance.js";
import { Size } from "./size.js";

const KEEPS = ["prompt", "styles", "picture", "mask", "sentence"]; // by "As it was"
const FINER = ["sampler", "levels", "clip_skip", "passes"]; // the finer points: what is said of them is not folded away
const set = (name) => (value) => wish.set({ [name]: value });

const named = (list, first) => [["", first], ...(list ?? []).map((each) => [each.name, each.name])];

function Negative({ idle }) {
  const negative = useStore(wish, (value) => value.negative);
  return html`<${Field} label="Not this" hint="Words for what the picture should avoid." idle=${idle}>
    ${(ids) => html`<textarea class="text" rows="2" ...${ids} value=${negative} onInput=${(event) => wish.set({ negative: event.currentTarget.value })}></textarea>`}
  <//>`;
}

function SeedBox() {
  const seed = useStore(wish, (value) => value.seed);
  return html`<div class="with-tool">
    <${NumberBox} label="Seed" value=${seed === null ? null : String(seed)} min="0" placeholder="another each time" onChange=${set("seed")} />
    <${Tool} icon="dice" label="Throw a seed and keep it" bare onClick=${() => wish.set({ seed: anySeed() })} />
  </div>`;
}

function Passes({ idle }) {
  const passes = useStore(wish, (value) => value.passes);
  const options = [["", "none"], ["hires(1.5)", "larger, 1.5 times"], ["hires(2)", "larger, twice"], ["tiled(2)", "in tiles, twice"]];
  const own = passes.join(", ");
  if (own && !options.some(([each]) => each === own)) options.push([own, own]);
  return html`<${Choice} label="Then draw it again" value=${own} options=${options} idle=${idle}
    onChange=${(next) => wish.set({ passes: next ? (next === own ? passes : [next]) : [] })} />`;
}

const asItWas = () => wish.set((value) => ({ ...NOTHING, ...Object.fromEntries(KEEPS.map((name) => [name, value[name]])) }));

export function Settings() {
  const value = useStore(wish);
  const models = useKnown("/v1/models")?.models ?? [];
  const samplers = useKnown("/v1/samplers")?.samplers;
  const levels = useKnown("/v1/levels")?.levels;
  const model = models.find((each) => each.name === value.model) ?? models[0];
  const check = useCheck();
  return html`<aside class="settings" id="settings" aria-label="Settings">
    <header><h2>Settings</h2><${Tool} icon="close" label="Close the settings" bare onClick=${() => desk.set({ settings: false })} /></header>
    ${check.error ? html`<p class="error" role="alert">${check.error}</p>` : null}
    <${Choice} label="Model" value=${value.model ?? model?.name} options=${models.map((each) => [each.name, each.name])} onChange=${set("model")} idle=${check.at("model")} />
    <${Size} model=${model} idle=${check.at("size")} />
    <${Slider} label="Steps" min="1" max="60" step="1" value=${value.steps ?? 24} onChange=${set("steps")} hint="More take longer; beyond some 30 little changes." idle=${check.at("steps")} />
    <${Guidance} check=${check} />
    <${Negative} idle=${check.at("negative")} />
    <${SeedBox} />
    <${Adapters} idle=${check.at("adapters")} />
    <details open=${FINER.some(check.at)}>
      <summary>Finer points</summary>
      <${Choice} label="Sampler" value=${value.sampler} options=${named(samplers, "the usual")} onChange=${set("sampler")} idle=${check.at("sampler")} />
      <${Choice} label="Levels" value=${value.levels} options=${named(levels, "the model's own")} onChange=${set("levels")} idle=${check.at("levels")} />
      <${NumberBox} label="Clip skip" value=${value.clip_skip} min="1" max="12" placeholder="the model's own" onChange=${set("clip_skip")} idle=${check.at("clip_skip")} />
      <${Passes} idle=${check.at("passes")} />
      <${Switch} label="Exact" checked=${value.exact === true} onChange=${(on) => wish.set({ exact: on ? true : null })}
        hint="Bit for bit the same whoever else draws; slower among many." />
    </details>
    ${check.left.length ? html`<ul class="notes" aria-label="Without effect">${check.left.map((each) => html`<li key=${each}>${each}</li>`)}</ul>` : null}
    <button type="button" class="plain" onClick=${asItWas}>As it was at first</button>
  </aside>`;
}
