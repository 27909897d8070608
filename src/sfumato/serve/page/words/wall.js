// Looks to choose from: a wall of thumbnails, searched by words; several may be chosen, in their order.
import { html, useId, useState, useStore } from "../h.js";
import { useKnown } from "../known.js";
import { Taken, Tool } from "../ui/controls.js";
import { Dialog } from "../ui/dialog.js";
import { Icon } from "../ui/icons.js";
import { wish } from "../wish.js";

const toggle = (name) =>
  wish.set(({ styles }) => ({ styles: styles.includes(name) ? styles.filter((each) => each !== name) : [...styles, name] }));

const matches = (style, words) => {
  const said = [style.name, style.about, ...(style.tags ?? [])].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((each) => said.includes(each));
};

export function Chosen() {
  const styles = useStore(wish, (value) => value.styles);
  if (!styles.length) return null;
  return html`<div class="chips" role="group" aria-label="Styles">
    ${styles.map((name) => html`<${Taken} key=${name} label=${name} onRemove=${() => toggle(name)} />`)}
  </div>`;
}

// The button that opens the wall.
export function Styles() {
  const [open, setOpen] = useState(false);
  const styles = useStore(wish, (value) => value.styles);
  return html`<${Tool} icon="styles" label="Styles" aria-haspopup="dialog" onClick=${() => setOpen(true)} />
    <${Dialog} title="Styles" open=${open} wide onClose=${() => setOpen(false)}><${Wall} chosen=${styles} /><//>`;
}

function Wall({ chosen }) {
  const id = useId();
  const [words, setWords] = useState("");
  const all = useKnown("/v1/styles")?.styles ?? [];
  const model = useStore(wish, (value) => value.model);
  const models = useKnown("/v1/models")?.models ?? [];
  const family = models.find((each) => each.name === model)?.family ?? models[0]?.family;
  const found = all.filter((style) => matches(style, words));
  return html`<div class="wall">
    <div class="wall-head">
      <label class="hidden-words" for=${id}>Search styles</label>
      <input type="search" id=${id} placeholder="Search: paper, light, print …" value=${words} onInput=${(event) => setWords(event.currentTarget.value)} />
      <p class="quiet" role="status">${found.length} of ${all.length}${chosen.length ? ` · ${chosen.length} chosen` : ""}</p>
    </div>
    <ul>${found.map((style) => html`<${Look} key=${style.name} style=${style} chosen=${chosen.includes(style.name)}
      works=${!family || !style.works || style.works.includes(family)} />`)}</ul>
    ${found.length || !all.length ? null : html`<p class="empty">No style says all of these words. Try one word less.</p>`}
  </div>`;
}

function Look({ style, chosen, works }) {
  return html`<li>
    <button type="button" class="look" aria-pressed=${String(chosen)} title=${style.about} onClick=${() => toggle(style.name)}>
      <img src="/v1/styles/${encodeURIComponent(style.name)}/thumbnail" alt="" loading="lazy" width="128" height="128" />
      <span>${style.name}</span>
      ${chosen ? html`<${Icon} name="check" />` : null}
      ${works ? null : html`<small>not known to this model</small>`}
    </button>
  </li>`;
}
