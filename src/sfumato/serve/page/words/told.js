// What is to be said of the words: how full the model's room for them is, what is cut, what it does not know.
import { html } from "../h.js";
import { placesOf } from "./reading.js";

export function Fill({ id, reading }) {
  const { used, room, cut, notes, problem } = reading;
  const full = room ? Math.min(used / room, 1) : 0;
  return html`<div class="fill ${cut ? "over" : ""}" id=${id}>
    ${used ? html`<div class="bar" aria-hidden="true"><i style=${{ scale: `${full} 1` }}></i></div>
      <p class="quiet">${used} of ${room} tokens</p>` : null}
    ${problem ? html`<p class="cut-words error" role="alert">${problem}</p>` : null}
    ${cut ? html`<p class="cut-words">There is no room for: <q>${cut}</q></p>` : null}
    ${notes.filter((each) => !/does not know|no room|cut/.test(each)).map((each) => html`<p class="quiet" key=${each}>${each}</p>`)}
  </div>`;
}

export function Unknown({ text, unknown, onReplace }) {
  const places = placesOf(text, unknown).filter((each, index, all) => all.findIndex(({ word }) => word === each.word) === index);
  if (!places.length) return null;
  return html`<ul class="strangers" aria-label="Words that the model does not know">
    ${places.map(({ word, instead, start, end }) => html`<li key=${word}>
      <span>It does not know <em>${word}</em>${instead.length ? "; perhaps" : ", and nothing near it"}</span>
      ${instead.map((each) => html`<button type="button" class="chip" key=${each}
        onClick=${() => onReplace(text.slice(0, start) + each + text.slice(end))}>${each}</button>`)}
    </li>`)}
  </ul>`;
}
