// What the server can name: models, samplers, styles. Asked for once, and again when the server was away.
import { store, useEffect, useStore } from "./h.js";
import { api, connection } from "./api.js";

const found = store({});
const asking = new Set();

export function refresh(path) {
  if (asking.has(path)) return;
  asking.add(path);
  api.get(path).then(
    (value) => found.set({ [path]: value }),
    () => {}, // the line that says that the server is gone says enough; asked again when it is back
  ).finally(() => asking.delete(path));
}

connection.subscribe(({ online }) => {
  if (online) Object.keys(found.get()).forEach(refresh);
});

// null until the answer is there.
export function useKnown(path) {
  const value = useStore(found, (all) => all[path] ?? null);
  const online = useStore(connection, (each) => each.online);
  useEffect(() => {
    if (path && value === null && online) refresh(path);
  }, [path, value === null, online]);
  return value;
}
