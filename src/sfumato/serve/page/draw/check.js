// What of the wish would have no effect, asked before anything is drawn, and shown at the control concerned.
import { useAnswer, useRested, useStore } from "../h.js";
import { api, connection } from "../api.js";
import { asked, wish } from "../wish.js";

const REST = 400; // ms

// Which control a note is about, by what it begins with; notes of no control stand below all of them.
const ABOUT = {
  negative: /negative/i,
  clip_skip: /clip.?skip/i,
  guidance: /guidance|guide/i,
  steps: /\bsteps?\b/i,
  levels: /levels|spacing/i,
  size: /\bsize\b/i,
  adapters: /adapter|lora/i,
  passes: /\bpass(es)?\b|hires|tiled/i,
  handoff: /handoff|refiner/i,
  strength: /strength/i,
};

// -> a function of a control's name to its line, and the lines that are left: {at, left, error}
export function useCheck() {
  const { count: _count, ...value } = useStore(wish);
  const rested = useRested(JSON.stringify(asked({ ...value, seed: null })), REST);
  const online = useStore(connection, (each) => each.online);
  const answer = useAnswer(
    (signal) => (online && value.prompt.trim() ? api.post("/v1/check", JSON.parse(rested), { signal }) : null), [rested, online],
  );
  const notes = answer.value?.notes ?? [];
  const owner = (note) => Object.keys(ABOUT).find((name) => ABOUT[name].test(note));
  return {
    at: (name) => notes.filter((note) => owner(note) === name).join(" ") || undefined,
    left: notes.filter((note) => !owner(note)),
    error: answer.error && answer.error.type !== "gone" ? answer.error : null,
  };
}
