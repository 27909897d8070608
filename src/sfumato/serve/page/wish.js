// The wish: what the person asks for, one value that every control reads and writes.
//
//   wish.get().prompt;  wish.set({ prompt: "a cat" });  const prompt = useStore(wish, (w) => w.prompt);
//
// The fields are those of POST /v1/jobs; null and empty mean: as the server likes. A seed of null is drawn
// anew for every picture, any other is locked.
import { keptStore } from "./kept.js";

export const NOTHING = Object.freeze({
  prompt: "", negative: "", seed: null, steps: null, sampler: null, guidance: null, size: null, levels: null,
  weighting: null, clip_skip: null, adapters: [], handoff: null, picture: null, mask: null, framing: null,
  strength: null, masking: null, around: null, outpaint: null, passes: [], variations: [], toward: null,
  controls: [], references: [], regions: [], regions_by: null, sentence: null, model: null, count: 1,
  styles: [], exact: null,
});

export const wish = keptStore("wish", NOTHING);

// What is sent: only the fields that say something.
export function asked(value) {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([name, each]) => name in NOTHING && each !== null && each !== "" && !(Array.isArray(each) && !each.length),
    ),
  );
}

// The wish that a record (a receipt's request or a job's wish) holds: everything else as if never said.
export function restored(record, changes = {}) {
  const known = Object.fromEntries(Object.entries(record ?? {}).filter(([name]) => name in NOTHING));
  return { ...NOTHING, ...known, ...changes };
}

export const anySeed = () => crypto.getRandomValues(new Uint32Array(1))[0];
