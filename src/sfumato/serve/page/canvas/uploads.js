// Pictures to and from the server by their digests.
import { api, imageOf } from "../api.js";
import { desk } from "../desk.js";
import { store } from "../h.js";
import { keptStore } from "../kept.js";

// How many drawings are on their way: what is drawn before they arrived would lack them.
export const pending = store({ count: 0 });

// Resolves when all drawings have arrived and are in the wish.
export const settled = () =>
  new Promise((resolve) => {
    if (!pending.get().count) return resolve();
    const stop = pending.subscribe(({ count }) => {
      if (count) return;
      stop();
      resolve();
    });
  });

export async function counted(work) {
  pending.set(({ count }) => ({ count: count + 1 }));
  try {
    return await work();
  } finally {
    pending.set(({ count }) => ({ count: count - 1 }));
  }
}

// What the canvas made, by digest: {by, from}, from which joints or boxes it can be changed again.
// `waiting` are those that the model could not read; `regions` also those that have no words yet.
export const memory = keptStore("canvas", { tool: "mask", made: {}, waiting: {}, regions: [], brush: null, pen: null });
const REMEMBERED = 60;

export function remember(digest, how) {
  memory.set(({ made }) => {
    const rest = Object.entries(made).filter(([each]) => each !== digest);
    return { made: Object.fromEntries([...rest, [digest, how]].slice(-REMEMBERED)) };
  });
}

const images = new Map();
const HELD = 24;

// A picture that a wish names, decoded. Raises ApiError where the server no longer has it.
export function image(digest) {
  if (!images.has(digest)) {
    const found = fetched(digest);
    images.set(digest, found);
    found.catch(() => images.delete(digest));
    if (images.size > HELD) images.delete(images.keys().next().value);
  }
  return images.get(digest);
}

async function fetched(digest) {
  const known = memory.get().made[digest];
  const begun = desk.get().beginning; // it may be of the gallery
  if (known?.by === "gallery") return createImageBitmap(await api.blob(imageOf(known.id)));
  return createImageBitmap(await api.blob(begun?.digest === digest ? begun.image : `/v1/uploads/${digest}`));
}

// Uploads of one drawing that changes: only what was sent last counts.
export class Latest {
  #sent = 0;

  // The digest, or null where something newer was sent meanwhile.
  async send(blob, name) {
    const mine = (this.#sent += 1);
    const { digest } = await api.upload(new File([blob], name, { type: "image/png" }));
    return mine === this.#sent ? digest : null;
  }

  drop() {
    this.#sent += 1;
  }
}
