// What may come next, or instead of a word that the model does not know, while one types.
import { html, useAnswer, useEffect, useRested, useState, useStore } from "../h.js";
import { api } from "../api.js";
import { wish } from "../wish.js";
import { placesOf } from "./reading.js";

const REST = 120; // ms
const MOST = 8;

// -> {offers: [{words, kind, text, caret}], active, move, close, title} for a text and where its caret is.
// `typing` counts the keys: nothing is offered until one is pressed, nor again after an offer was taken.
export function useSuggestions({ text, caret, typing, unknown }) {
  const [active, setActive] = useState(-1);
  const [closed, setClosed] = useState(0);
  const model = useStore(wish, (value) => value.model);
  const head = text.slice(0, caret ?? 0);
  const open = caret !== null && typing > closed && /^(\s|,|$)/.test(text.slice(caret));
  const rested = useRested(open ? head : "", REST);
  const query = new URLSearchParams({ text: rested, ...(model ? { model } : {}) });
  const { value } = useAnswer((signal) => (rested ? api.get(`/v1/words/complete?${query}`, { signal }) : null), [rested, model]);
  useEffect(() => setActive(-1), [rested, typing]);
  const wrong = placesOf(text, unknown).find(({ start, end, instead }) => start < caret && caret <= end && instead.length);
  const next = open && rested === head ? following(value?.offers ?? [], text.slice(caret)) : [];
  const offers = wrong && typing >= closed ? insteadOf(text, wrong) : next;
  return {
    offers, active,
    title: wrong ? `Instead of ${wrong.word}` : "Words that may follow",
    move: (step) => setActive((active + step + offers.length + (active < 0 && step < 0 ? 1 : 0)) % offers.length),
    close: () => setClosed(typing + 1),
  };
}

const insteadOf = (text, { start, end, instead }) =>
  instead.map((words) => ({ words, kind: "known", text: text.slice(0, start) + words + text.slice(end), caret: start + words.length }));

const following = (offers, rest) =>
  offers.slice(0, MOST).map(({ words, kind, text }) => ({ words, kind, text: text + rest, caret: text.length }));

export function Suggestions({ id, offers, active, title, onTake }) {
  return html`<div class="suggesting">
    <p class="hidden-words" role="status">${offers.length ? `${offers.length} suggestions; arrow down to choose` : ""}</p>
    ${offers.length
      ? html`<ul class="offers" id=${id} role="listbox" aria-label=${title}>${offers.map((offer, place) => html`<li key=${offer.words}
          id="${id}-${place}" role="option" aria-selected=${String(place === active)}
          onPointerDown=${(event) => (event.preventDefault(), onTake(offer))}><span>${offer.words}</span><small>${offer.kind}</small></li>`)}</ul>`
      : null}
  </div>`;
}
