// Two pictures side by side, or one laid over the other; the settings in which they differ stand out.
import { html, useAnswer, useState } from "../h.js";
import { api, imageOf } from "../api.js";
import { Chips, Slider } from "../ui/controls.js";
import { Icon } from "../ui/icons.js";
import { Facts, differing, factsOf } from "./facts.js";

export function Compare({ ids, onUse }) {
  const { value, error } = useAnswer(
    (signal) => Promise.all(ids.slice(0, 2).map((id) => api.get(`/v1/pictures/${encodeURIComponent(id)}`, { signal }))), [ids.join()],
  );
  const [way, setWay] = useState("beside");
  const [share, setShare] = useState(50);
  if (error) return html`<div class="empty"><p role="alert">${error.message}</p><p><a href="#/gallery">Back to the gallery</a></p></div>`;
  if (!value || value.length < 2) return html`<p class="empty" role="status">${value ? "Mark two pictures in the gallery." : "Fetching them …"}</p>`;
  const differs = differing(...value);
  return html`<section class="compare" aria-label="Two pictures compared">
    <div class="compare-head">
      <a class="tool" href="#/gallery"><${Icon} name="gallery" /><span>All pictures</span></a>
      <${Chips} label="How" value=${way} options=${[["beside", "Side by side"], ["over", "One over the other"]]} onChange=${setWay} />
    </div>
    ${way === "over" ? html`<${Over} records=${value} share=${share} onShare=${setShare} />` : null}
    <div class="two">${value.map((record, place) => html`<figure key=${place}>
      ${way === "beside" ? html`<img src=${imageOf(record.id)} alt=${record.prompt} width=${record.width} height=${record.height} />` : null}
      <figcaption>
        <h2>${place ? "Right" : "Left"}</h2>
        <button type="button" class="plain" onClick=${() => onUse(record.request)}>Use these settings</button>
        <${Facts} facts=${factsOf(record)} differing=${differs} />
      </figcaption>
    </figure>`)}</div>
    <p class="quiet" role="status">${differs.size ? `They differ in ${differs.size === 1 ? "one setting" : `${differs.size} settings`}.` : "They have the same settings."}</p>
  </section>`;
}

function Over({ records: [left, right], share, onShare }) {
  return html`<div class="over-each">
    <div class="stack" style=${{ "--share": `${share}%`, aspectRatio: `${left.width} / ${left.height}` }}>
      <img src=${imageOf(left.id)} alt="Left: ${left.prompt}" /><img class="upper" src=${imageOf(right.id)} alt="Right: ${right.prompt}" />
    </div>
    <${Slider} label="Where the right one begins" value=${share} min=${0} max=${100} step=${1} shown="${share}%" onChange=${onShare} />
  </div>`;
}
