// Draw as you type: a draft of few steps whenever words and settings rest, always of one seed; each takes back the one
// before. When it pleases, "Finish it" draws with all steps.
import { useEffect, useRef, useStore } from "../h.js";
import { desk } from "../desk.js";
import { write } from "../json.js";
import { anySeed, asked, wish } from "../wish.js";
import { cancel, draw, run, shownJobs } from "./run.js";

const REST = 150; // ms without a key; a draft of 8 steps then takes some 0.5 s on a quiet core
const DRAFT = { steps: 8, count: 1, passes: [], exact: false };

export function useLive() {
  const live = useStore(desk, (value) => value.live && !value.canvas);
  const words = useStore(wish, (value) => write(asked({ ...value, ...DRAFT })));
  const seed = useRef(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false; // a reload shows what was there; only a change draws
      return undefined;
    }
    if (!live || !wish.get().prompt.trim()) return undefined;
    const timer = setTimeout(() => {
      if (shownJobs(run.get()).some((job) => job.draft)) cancel();
      seed.current ??= anySeed();
      draw([{ ...wish.get(), ...DRAFT, seed: wish.get().seed ?? seed.current }], { draft: true });
    }, REST);
    return () => clearTimeout(timer);
  }, [live, words]);
}

// The draft's own seed, so that what is finished is what was seen; undefined where no draft is shown.
export const draftSeed = (value) => shownJobs(value).find((job) => job.draft && job.image)?.wish.seed;
