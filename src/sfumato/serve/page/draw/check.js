// What of the wish would have no effect, asked before anything is drawn, and shown at the control concerned.
import { useAnswer, useRested, useStore } from "../h.js";
import { api, connection } from "../api.js";
import { read, write } from "../json.js";
import { asked, wish } from "../wish.js";
import { run } from "./run.js";

const REST = 400; // ms

// Which control a note is about, by what it begins with; notes of no control stand below all of them.
const ABOUT = {
  negative: /negative/i,
  clip_skip: /clip.?skip/i,
  guidance: /guidance|guide/i,
  steps: /\bsteps?\b/i,
  sampler: /sampler/i,
  levels: /levels|spacing/i,
  model: /^no model/i,
  size: /\bsize\b/i,
  adapters: /adapter|lora/i,
  passes: /\bpass(es)?\b|hires|tiled/i,
  handoff: /handoff|refiner/i,
  strength: /strength/i,
};

const SAID = /does not know|not looked at further|wakes to words/; // at the box, or beside the adapter

// -> {at, left, error}: a function of a control's name to its line, the lines of no control, and what forbids all.
export function useCheck() {
  const { count: _count, ...value } = useStore(wish);
  const rested = useRested(write(asked({ ...value, seed: null })), REST);
  const online = useStore(connection, (each) => each.online);
  const finished = useStore(run, (each) => each.finished); // a model that was busy, or not in memory, tells more by then
  const answer = useAnswer(
    (signal) => (online && value.prompt.trim() ? api.post("/v1/check", read(rested), { signal }) : null), [rested, online, finished],
  );
  const notes = (answer.value?.notes ?? []).filter((note) => !SAID.test(note));
  const owner = (note) => Object.keys(ABOUT).find((name) => ABOUT[name].test(note));
  const error = answer.error?.type === "gone" ? null : answer.error;
  const place = error && (error.param in ABOUT ? error.param : owner(error.message));
  return {
    at: (name) => (place === name ? error.message : notes.filter((note) => owner(note) === name).join(" ") || undefined),
    left: notes.filter((note) => !owner(note)),
    error: error && !place ? error.message : null,
  };
}
