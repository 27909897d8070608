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
  const said = [style.title, style.about, ...(style.tags ?? [])].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((each) => said.includes(each));
};

export function Chosen() {
  const styles = useStore(wish, (value) => value.styles);
  const known = useKnown("/v1/styles")?.styles ?? [];
  if (!styles.length) return null;
  const titleOf = (name) => known.find((each) => each.name === name)?.title ?? name;
  return html`<div class="chips" role="group" aria-label="Styles">
    ${styles.map((name) => html`<${Taken} key=${name} label=${titleOf(name)} onRemove=${() => toggle(name)} />`)}
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
  const family = (models.find((each) => each.name === model) ?? models[0])?.family;
  const found = all.filter((style) => matches(style, words));
  const works = (style) => !family || style.works.includes(family);
  const part = (title, styles) => styles.length > 0 && html`<section aria-label=${title}>
    <h3>${title}</h3>
    <ul>${styles.map((style) => html`<${Look} key=${style.name} style=${style} chosen=${chosen.includes(style.name)} />`)}</ul>
  </section>`;
  return html`<div class="wall">
    <div class="wall-head">
      <label class="hidden-words" for=${id}>Search styles</label>
      <input type="search" id=${id} placeholder="Search: paper, light, print …" value=${words} onInput=${(event) => setWords(event.currentTarget.value)} />
      <p class="quiet" role="status">${found.length} of ${all.length}${chosen.length ? ` · ${chosen.length} chosen` : ""}</p>
    </div>
    ${part("Known to this model", found.filter(works))}
    ${part("For other models: this one does not know their words", found.filter((style) => !works(style)))}
    ${found.length || !all.length ? null : html`<p class="empty">No style says all of these words. Try one word less.</p>`}
  </div>`;
}

function Look({ style, chosen }) {
  return html`<li>
    <button type="button" class="look" aria-pressed=${String(chosen)} title=${style.about} onClick=${() => toggle(style.name)}>
      ${style.has_thumbnail ? html`<img src="/v1/styles/${style.name}/thumbnail" alt="" loading="lazy" width="128" height="128" />` : html`<span class="blank"></span>`}
      <span>${style.title}</span>
      ${chosen ? html`<${Icon} name="check" />` : null}
    </button>
  </li>`;
}
