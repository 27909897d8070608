// What is sought and what was found of it so far, page by page. It stays while one looks at a picture and
// comes back; a new search begins anew.
import { store } from "../h.js";
import { api } from "../api.js";

const PAGE = 60;
export const NOTHING = { words: "", model: "", since: "", until: "", favourite: false };

export const found = store({ query: NOTHING, records: [], whole: false, error: null });
let asking = null;

const seconds = (day, add = 0) => {
  const date = new Date(`${day}T00:00`); // of this machine's own days
  date.setDate(date.getDate() + add);
  return date.getTime() / 1000;
};

function parameters({ words, model, since, until, favourite }, before) {
  const said = new URLSearchParams({ limit: PAGE });
  if (words.trim()) said.set("words", words.trim());
  if (model) said.set("model", model);
  if (since) said.set("since", seconds(since));
  if (until) said.set("until", seconds(until, 1)); // the day itself belongs to it
  if (favourite) said.set("favourite", "true");
  if (before) said.set("before", before);
  return said;
}

// The next page, unless it is under way or there is none.
export async function more() {
  const { query, records, whole } = found.get();
  if (asking || whole) return;
  const stop = (asking = new AbortController());
  try {
    const { pictures } = await api.get(`/v1/pictures?${parameters(query, records.at(-1)?.id)}`, { signal: stop.signal });
    found.set((now) => ({ records: [...now.records, ...pictures], whole: pictures.length < PAGE, error: null }));
  } catch (error) {
    if (error.name !== "AbortError") found.set({ error });
  } finally {
    if (asking === stop) asking = null;
  }
}

export function seek(changes) {
  asking?.abort();
  asking = null;
  found.set(({ query }) => ({ query: { ...query, ...changes }, records: [], whole: false, error: null }));
  return more();
}

// What was drawn since: the gallery is looked at again, without losing the place that one was at.
export async function refresh() {
  const { query, records } = found.get();
  if (!records.length) return seek({});
  try {
    const { pictures } = await api.get(`/v1/pictures?${parameters(query)}`);
    if (found.get().query !== query) return undefined; // something else is sought by now
    if (pictures.length < PAGE) return found.set({ records: pictures, whole: true, error: null });
    const known = new Set(records.map(({ id }) => id));
    const fresh = pictures.filter(({ id }) => !known.has(id));
    if (fresh.length === PAGE) return seek({});
    const there = new Map(pictures.map((each) => [each.id, each]));
    const oldest = pictures.at(-1).id;
    const kept = found.get().records.filter(({ id }) => there.has(id) || id < oldest);
    found.set({ records: [...fresh, ...kept.map((each) => there.get(each.id) ?? each)], error: null });
  } catch (error) {
    found.set({ error });
  }
  return undefined;
}

export const renew = (record) =>
  found.set(({ records }) => ({ records: records.map((each) => (each.id === record.id ? { ...each, ...record } : each)) }));
export const forget = (id) => found.set(({ records }) => ({ records: records.filter((each) => each.id !== id) }));
