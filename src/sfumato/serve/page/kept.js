// What outlives a reload. A tab keeps its own copy, so that two do not disturb each other; a new tab begins
// with what any tab left last.
import { store } from "./h.js";
import { read, write } from "./json.js";

function found(storage, name) {
  try {
    return read(storage.getItem(name) ?? "null");
  } catch {
    return null; // forbidden, or not ours: begin anew
  }
}

function put(storage, name, value) {
  try {
    storage.setItem(name, write(value));
  } catch {
    // forbidden or full: it lasts as long as the tab
  }
}

// `shared`: whether new tabs begin with it.
export function keptStore(name, initial, { shared = true } = {}) {
  const key = `sfumato.${name}`;
  const known = found(sessionStorage, key) ?? (shared ? found(localStorage, key) : null) ?? {};
  const mine = Object.fromEntries(Object.entries(known).filter(([each]) => each in initial));
  const kept = store({ ...initial, ...mine });
  kept.subscribe((value) => {
    put(sessionStorage, key, value);
    if (shared) put(localStorage, key, value);
  });
  return kept;
}
