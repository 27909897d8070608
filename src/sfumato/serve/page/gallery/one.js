// One picture, large, with all that made it and all that one does with it.
import { html, useAnswer, useEffect, useRef, useState, useStore } from "../h.js";
import { api, imageOf } from "../api.js";
import { Icon } from "../ui/icons.js";
import { Menu, Sure, Tool } from "../ui/controls.js";
import { say, told } from "../ui/notices.js";
import { Notes } from "../ui/notes.js";
import { Facts, factsOf } from "./facts.js";
import { forget, found, more, renew } from "./found.js";

const WAYS = [["variations", "variations", "Vary"], ["image", "image", "Draw upon it"], ["inpaint", "brush", "Paint a part"]];

// The pictures before and after it, as the gallery has them in its order.
function useNeighbours(id) {
  const records = useStore(found, (value) => value.records);
  const place = records.findIndex((each) => each.id === id);
  useEffect(() => {
    if (!records.length || (place >= 0 && place >= records.length - 2)) more(); // the address may have led here at once
  }, [place, records.length]);
  return place < 0 ? {} : { newer: records[place - 1]?.id, older: records[place + 1]?.id };
}

export function One({ id, onUse, onSend }) {
  const { value, error } = useAnswer((signal) => api.get(`/v1/pictures/${encodeURIComponent(id)}`, { signal }), [id]);
  const [marked, setMarked] = useState(null);
  const title = useRef();
  useEffect(() => title.current?.focus({ preventScroll: true }), [value]); // a reader says what is shown now
  const { newer, older } = useNeighbours(id);
  useEffect(() => {
    const keys = (event) => {
      if (event.target.closest("input, textarea, select, dialog, .menu") || event.altKey || event.ctrlKey || event.metaKey) return;
      const to = { ArrowLeft: newer, ArrowRight: older }[event.key];
      if (to) location.hash = `#/gallery/one/${to}`;
      else if (event.key === "Escape") location.hash = "#/gallery";
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, [newer, older]);
  if (error) return html`<div class="empty"><p role="alert">${error.message}</p><p><a href="#/gallery">Back to the gallery</a></p></div>`;
  if (!value) return html`<p class="empty" role="status">Fetching it …</p>`;
  const record = { ...value, favourite: marked ?? value.favourite };
  const star = () =>
    api.patch(`/v1/pictures/${id}`, { favourite: !record.favourite }).then(() => {
      setMarked(!record.favourite);
      renew({ id, favourite: !record.favourite });
    }, told);
  const remove = () =>
    api.remove(`/v1/pictures/${id}`).then(() => {
      forget(id);
      say("Deleted, from the disk too");
      location.hash = older ? `#/gallery/one/${older}` : "#/gallery";
    }, told);
  const copy = () => navigator.clipboard.writeText(record.prompt).then(() => say("Copied the words"), () => say("The browser does not let this page copy", { failed: true }));
  return html`<article class="one">
    <div class="one-picture">
      <nav class="one-head" aria-label="Pictures">
        <a class="tool" href="#/gallery"><${Icon} name="gallery" /><span>All pictures</span></a>
        <span class="together">
          <${Step} to=${newer} label="Newer" flip /><${Step} to=${older} label="Older" />
        </span>
      </nav>
      <a href=${imageOf(id)} target="_blank" rel="noopener" title="Open at full size"><img src=${imageOf(id)} alt=${record.prompt} width=${record.width} height=${record.height} /></a>
    </div>
    <div class="one-facts">
      <h1 ref=${title} tabindex="-1">${record.prompt}</h1>
      <p class="quiet">${new Date(record.created * 1000).toLocaleString()} · ${record.width} × ${record.height} · ${Math.ceil(record.size / 1024)} KB</p>
      <div class="actions" role="group" aria-label="This picture">
        <button type="button" class="primary" onClick=${() => onUse(record.request)}>Use these settings</button>
        <span class="together">
          <${Tool} icon="star" label=${record.favourite ? "A favourite: take the star away" : "Favourite"} bare filled=${record.favourite} pressed=${record.favourite} onClick=${star} />
          <${Tool} icon="copy" label="Copy the words" bare onClick=${copy} />
          <a class="tool bare" href="${imageOf(id)}?download=1" download aria-label="Download" title="Download"><${Icon} name="download" /></a>
          <${Sure} icon="trash" label="Delete" question="Delete for good?" bare onSure=${remove} />
        </span>
      </div>
      <div class="actions" role="group" aria-label="Go on from it">
        ${WAYS.map(([how, icon, label]) => html`<${Tool} key=${how} icon=${icon} label=${label} onClick=${() => onSend(record, how)} />`)}
        <${Menu} icon="plus" label="More">${(close) => html`
          ${[["upscale", "Draw it twice as large"], ["style", "Take its style"], ["composition", "Take its composition"]].map(([how, words]) =>
            html`<button type="button" class="plain" key=${how} onClick=${() => (close(), onSend(record, how))}>${words}</button>`)}
        `}<//>
      </div>
      <h2>How it was made</h2>
      <${Facts} facts=${factsOf(record)} />
      <${Notes} notes=${record.notes ?? []} />
      <p class="quiet">The file carries all of this: <code>sfumato replay</code> draws it again and compares every pixel.</p>
    </div>
  </article>`;
}

function Step({ to, label, flip = false }) {
  const arrow = html`<span aria-hidden="true">${flip ? "←" : "→"}</span>`;
  return to
    ? html`<a class="tool" href="#/gallery/one/${to}">${flip ? arrow : null}<span>${label}</span>${flip ? null : arrow}</a>`
    : null;
}
