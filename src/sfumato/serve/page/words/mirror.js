// What lies under the box's letters: lines below unknown words, a tint behind weights, a line through what is cut.
import { html } from "../h.js";
import { placesOf } from "./reading.js";
import { WEIGHTED } from "./weights.js";

function spans(text, unknown, cut) {
  const found = placesOf(text, unknown).map(({ start, end }) => ({ start, end, kind: "unknown" }));
  for (const match of text.matchAll(WEIGHTED)) found.push({ start: match.index, end: match.index + match[0].length, kind: "weighted" });
  const start = cut ? text.lastIndexOf(cut) : -1;
  if (start >= 0) found.push({ start, end: start + cut.length, kind: "cut" });
  return found;
}

// Spans may overlap, so every piece between two edges has the kinds of all that cover it.
export function Mirror({ text, unknown, cut }) {
  const all = spans(text, unknown, cut);
  const edges = [...new Set([0, text.length, ...all.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
  const pieces = edges.slice(1).map((end, index) => {
    const start = edges[index];
    const kinds = all.filter((each) => each.start <= start && each.end >= end).map(({ kind }) => kind);
    return { words: text.slice(start, end), kinds: [...new Set(kinds)].join(" ") };
  });
  return html`<div class="mirror" aria-hidden="true">${pieces.map(({ words, kinds }) =>
    kinds ? html`<mark class=${kinds}>${words}</mark>` : words)}${"\u200b"}</div>`;
}
