// The gallery: all pictures of this server, found again; one of them with all its settings; two side by side;
// sheets of combinations. The address says which: #/gallery, #/gallery/one/ID, #/gallery/compare/A/B, #/gallery/xy.
import { html, useEffect, useRef, useState } from "../h.js";
import { Icon } from "../ui/icons.js";
import { Compare } from "./compare.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { One } from "./one.js";
import { Dropped, Restore } from "./restore.js";
import { Sheets } from "./xy.js";

const TABS = [["", "Pictures"], ["xy", "X/Y sheets"]];

export function Gallery({ path, onUse, onSend }) {
  const [name = "", ...rest] = path;
  const looked = useRef(null); // the picture that one comes back from: the grid is found there again
  if (name) looked.current = name === "one" ? rest[0] : null;
  if (name === "one") return html`<${One} key=${rest[0]} id=${rest[0]} onUse=${onUse} onSend=${onSend} />`;
  if (name === "compare") return html`<${Compare} key=${rest.join()} ids=${rest} onUse=${onUse} />`;
  return html`<section class="gallery" aria-label="Gallery">
    <nav class="tabs" aria-label="Gallery">
      ${TABS.map(([each, words]) => html`<a key=${each} href="#/gallery${each && `/${each}`}"
        aria-current=${each === name ? "page" : undefined}>${words}</a>`)}
    </nav>
    ${name === "xy" ? html`<${Sheets} />` : html`<${Pictures} onUse=${onUse} looked=${looked} />`}
  </section>`;
}

function Pictures({ onUse, looked }) {
  const [file, setFile] = useState(null);
  const [over, setOver] = useState(false);
  const [chosen, setChosen] = useState([]);
  useEffect(() => {
    // a picture that misses the zone would otherwise take the place of the page
    const keep = (event) => event.preventDefault();
    addEventListener("dragover", keep);
    addEventListener("drop", keep);
    return () => {
      removeEventListener("dragover", keep);
      removeEventListener("drop", keep);
    };
  }, []);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files[0]) setFile(event.dataTransfer.files[0]);
  };
  const choose = (id) =>
    setChosen((now) => (now.includes(id) ? now.filter((each) => each !== id) : [...now, id].slice(-2)));
  return html`<div class="found ${over ? "over" : ""}" onDragOver=${() => setOver(true)}
    onDragLeave=${(event) => event.currentTarget.contains(event.relatedTarget) || setOver(false)} onDrop=${drop}>
    <div class="found-head"><${Filters} /><${Restore} onFile=${setFile} /></div>
    <p class="drop-line" aria-hidden="true"><${Icon} name="download" />Drop a PNG to take its settings</p>
    <${Grid} looked=${looked} chosen=${chosen} onChoose=${choose} />
    ${chosen.length ? html`<${Chosen} chosen=${chosen} onClear=${() => setChosen([])} />` : null}
    <${Dropped} file=${file} onClose=${() => setFile(null)} onUse=${onUse} />
  </div>`;
}

function Chosen({ chosen, onClear }) {
  return html`<div class="chosen" role="status">
    <p>${chosen.length === 2 ? "Two pictures" : "One picture: mark another to compare"}</p>
    ${chosen.length === 2 ? html`<a class="primary" href="#/gallery/compare/${chosen.join("/")}">Compare</a>` : null}
    <button type="button" class="plain" onClick=${onClear}>Clear</button>
  </div>`;
}
