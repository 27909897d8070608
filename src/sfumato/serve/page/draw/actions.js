// What one does with a finished picture.
import { html } from "../h.js";
import { api, imageOf } from "../api.js";
import { send, use } from "../sending.js";
import { Icon } from "../ui/icons.js";
import { Menu, Sure, Tool } from "../ui/controls.js";
import { say, told } from "../ui/notices.js";
import { forget, renew } from "./run.js";

const FACTORS = [2, 4];
const PASSES = {
  hires: "Drawn again, larger: new detail",
  tiled: "In tiles: for large pictures",
};

async function favourite(record) {
  try {
    await api.patch(`/v1/pictures/${record.id}`, { favourite: !record.favourite });
    renew({ id: record.id, favourite: !record.favourite });
  } catch (error) {
    told(error);
  }
}

async function remove(record) {
  try {
    await api.remove(`/v1/pictures/${record.id}`);
    forget(record.id);
    say("Deleted, from the disk too");
    document.querySelector(".paper textarea")?.focus(); // the button that had the focus is gone
  } catch (error) {
    told(error);
  }
}

function Larger({ record }) {
  return html`<${Menu} icon="grow" label="Enlarge">
    ${(close) => Object.entries(PASSES).map(([name, words]) => html`<div class="pass" key=${name}>
      <span>${words}</span>
      ${FACTORS.map((factor) => html`<button type="button" class="plain" key=${factor}
        onClick=${() => (close(), send(record, "upscale", [`${name}(${factor})`]))}>${factor}×
        <span class="hidden-words">, ${name}</span></button>`)}
    </div>`)}
  <//>`;
}

export function Actions({ record }) {
  return html`<div class="actions" role="group" aria-label="This picture">
    <${Tool} icon="variations" label="Vary" onClick=${() => send(record, "variations")} />
    <${Tool} icon="image" label="Draw upon it" onClick=${() => send(record, "image")} />
    <${Tool} icon="brush" label="Paint a part" onClick=${() => send(record, "inpaint")} />
    <${Larger} record=${record} />
    <${Tool} icon="use" label="Use settings" onClick=${() => (use(record.request), say("The box and the settings are those of this picture"))} />
    <span class="together">
      <${Tool} icon="star" label=${record.favourite ? "A favourite: take the star away" : "Favourite"} bare filled=${record.favourite}
        pressed=${record.favourite} onClick=${() => favourite(record)} />
      <a class="tool bare" href="${imageOf(record.id)}?download=1" download aria-label="Download" title="Download"><${Icon} name="download" /></a>
      <${Sure} icon="trash" label="Delete" question="Delete for good?" bare onSure=${() => remove(record)} />
    </span>
  </div>`;
}
