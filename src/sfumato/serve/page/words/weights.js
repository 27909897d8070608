// Weights by keys: what is selected, or the word at the caret, becomes (word:1.1) and on.
const STEP = 0.1;
const LEAST = 0.1;
const MOST = 2;

// -> the text with the weight changed, and the selection in it.
export function weighted(text, { start, end }, direction) {
  [start, end] = start === end ? wordAt(text, start) : trimmed(text, start, end);
  if (start === end) return null;
  const inner = text.slice(start, end);
  const before = text.slice(0, start);
  const after = text.slice(end);
  const known = before.endsWith("(") ? /^:(\d+(?:\.\d+)?)\)/.exec(after) : null;
  const weight = Math.round(((known ? Number(known[1]) : 1) + direction * STEP) * 100) / 100;
  if (weight < LEAST || weight > MOST) return null;
  const head = known ? before.slice(0, -1) : before;
  const tail = known ? after.slice(known[0].length) : after;
  if (weight === 1) return { text: head + inner + tail, start: head.length, end: head.length + inner.length };
  return { text: `${head}(${inner}:${weight})${tail}`, start: head.length + 1, end: head.length + 1 + inner.length };
}

function wordAt(text, place) {
  const head = /[\p{L}\p{N}'-]*$/u.exec(text.slice(0, place))[0].length;
  const tail = /^[\p{L}\p{N}'-]*/u.exec(text.slice(place))[0].length;
  return [place - head, place + tail];
}

function trimmed(text, start, end) {
  while (start < end && /\s/.test(text[start])) start += 1;
  while (end > start && /\s/.test(text[end - 1])) end -= 1;
  return [start, end];
}

export const WEIGHTED = /\((?:[^()]|\\.)*:\d+(?:\.\d+)?\)/g;
