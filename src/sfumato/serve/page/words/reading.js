// How the model reads the box: tokens, what is cut, and words it does not know. Asked when the keys rest.
import { useAnswer, useRested, useStore } from "../h.js";
import { api, connection } from "../api.js";
import { wish } from "../wish.js";

const REST = 250; // ms
const NOTHING = { tokens: [], room: 0, used: 0, cut: "", unknown: [], notes: [], problem: null };

export function useReading() {
  const prompt = useRested(useStore(wish, (value) => value.prompt), REST);
  const model = useStore(wish, (value) => value.model);
  const online = useStore(connection, (value) => value.online);
  const { value, error } = useAnswer(
    (signal) => (prompt.trim() && online ? api.post("/v1/tokens", { prompt, ...(model ? { model } : {}) }, { signal }) : null),
    [prompt, model, online],
  );
  return error && error.type !== "gone" ? { ...NOTHING, problem: error.message } : value ?? NOTHING;
}

// The place of each unknown word in a text: {start, end, word, instead, why}, in order.
export function placesOf(text, unknown) {
  return unknown
    .filter(({ word }) => /\p{L}/u.test(word)) // a weight's number is no word
    .flatMap((each) => {
      const plain = each.word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      const found = text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])${plain}(?![\\p{L}\\p{N}])`, "giu"));
      return [...found].map((match) => ({ ...each, start: match.index, end: match.index + match[0].length }));
    })
    .sort((one, other) => one.start - other.start);
}
