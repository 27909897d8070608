// What the gallery is searched by: words, model, days, favourites.
import { html, useEffect, useId, useRef, useState, useStore } from "../h.js";
import { useKnown } from "../known.js";
import { Chips, Choice, Menu } from "../ui/controls.js";
import { Icon } from "../ui/icons.js";
import { NOTHING, found, seek } from "./found.js";

const REST = 250; // ms without a key

export function Filters() {
  const query = useStore(found, (value) => value.query);
  const [words, setWords] = useState(query.words);
  const id = useId();
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return undefined;
    }
    const timer = setTimeout(() => words === found.get().query.words || seek({ words }), REST);
    return () => clearTimeout(timer);
  }, [words]);
  const narrowed = query.model || query.since || query.until;
  const clear = () => (setWords(""), seek(NOTHING));
  return html`<form class="filters" role="search" onSubmit=${(event) => (event.preventDefault(), seek({ words }))}>
    <label class="hidden-words" for=${id}>Search pictures by their words</label>
    <span class="search"><${Icon} name="search" /><input type="search" id=${id} value=${words} placeholder="Search by words"
      onInput=${(event) => setWords(event.currentTarget.value)} /></span>
    <${Chips} label="Which" value=${query.favourite} options=${[[false, "All"], [true, "Favourites"]]} onChange=${(favourite) => seek({ favourite })} />
    <${Menu} icon="sliders" label=${narrowed ? "Narrowed" : "Narrow"}>${() => html`<${Narrow} query=${query} />`}<//>
    ${narrowed || query.words || query.favourite ? html`<button type="button" class="plain" onClick=${clear}>Show all</button>` : null}
  </form>`;
}

function Narrow({ query }) {
  const models = useKnown("/v1/models")?.models ?? [];
  const options = [["", "Any model"], ...models.map(({ name }) => [name, name])];
  return html`
    <${Choice} label="Model" value=${query.model} options=${options} onChange=${(model) => seek({ model: model ?? "" })} />
    <${Day} label="From" value=${query.since} onChange=${(since) => seek({ since })} />
    <${Day} label="Until" value=${query.until} onChange=${(until) => seek({ until })} />
  `;
}

function Day({ label, value, onChange }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>${label}</label>
    <input type="date" id=${id} value=${value} onChange=${(event) => onChange(event.currentTarget.value)} /></div>`;
}
