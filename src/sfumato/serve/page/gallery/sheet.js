// A sheet under way: one job for each combination, followed until all have ended, also after a reload.
import { api, back } from "../api.js";
import { keptStore } from "../kept.js";
import { asked } from "../wish.js";

const LOOK = 600; // ms between looks
const AT_ONCE = 6; // jobs that a look asks for
const ENDED = ["done", "failed", "cancelled"];

// axes as they are typed; drawn: {rows, columns, words, cells: [{row, column, key, wish, job, state, picture, error}]}
export const sheet = keptStore("sheet", { x: { name: "seed", text: "1-3" }, y: { name: "guidance", text: "2, 4, 8" }, drawn: null });

export const isOver = (cell) => ENDED.includes(cell.state);
const waiting = () => (sheet.get().drawn?.cells ?? []).filter((cell) => !isOver(cell));
const put = (key, changes) =>
  sheet.set(({ drawn }) => ({ drawn: { ...drawn, cells: drawn.cells.map((cell) => (cell.key === key && !isOver(cell) ? { ...cell, ...changes } : cell)) } }));

let round = 0; // a new sheet ends the following of the one before

export function begin(drawn) {
  sheet.set({ drawn });
  return follow();
}

export async function follow() {
  const mine = ++round;
  while (mine === round && waiting().length) {
    for (const cell of waiting().filter(({ job }) => !job)) {
      if (mine !== round) return;
      if (!(await asking(cell, mine))) break;
    }
    await Promise.all(waiting().filter(({ job }) => job).slice(0, AT_ONCE).map(look));
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

// Whether the next may be asked for at once: a full line is waited for.
async function asking({ key, wish }, mine) {
  try {
    const { id } = await api.post("/v1/jobs", asked(wish), { headers: { "Idempotency-Key": key } });
    if (mine !== round) await api.remove(`/v1/jobs/${id}`).catch(() => null); // it was stopped meanwhile
    put(key, { job: id, state: "queued" });
    return true;
  } catch (error) {
    if (error.type === "gone") await back();
    else if (error.status === 429 || error.status === 503) await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(error.retryAfter ?? 2, 10)));
    else put(key, { state: "failed", error: error.message });
    return error.status >= 400 && ![429, 503].includes(error.status);
  }
}

async function look({ key, job }) {
  try {
    const { state, pictures, error } = await api.get(`/v1/jobs/${job}`);
    put(key, { state, picture: pictures[0] ?? null, error });
  } catch (error) {
    if (error.status === 404) put(key, { state: "failed", error: "It was deleted." });
    else if (error.type === "gone") await back();
  }
}

export async function stop() {
  round += 1;
  const left = waiting();
  sheet.set(({ drawn }) => ({ drawn: { ...drawn, cells: drawn.cells.map((cell) => (isOver(cell) ? cell : { ...cell, state: "cancelled" })) } }));
  await Promise.all(left.filter(({ job }) => job).map(({ job }) => api.remove(`/v1/jobs/${job}`).catch(() => null)));
}

// What was stopped or has failed is asked for again; under new keys, for the old ones name jobs that have ended.
export function resume(newKey) {
  const again = (cell) => (cell.picture || cell.state === "done" ? cell : { ...cell, key: newKey(), job: null, state: "sending", error: null });
  sheet.set(({ drawn }) => ({ drawn: { ...drawn, cells: drawn.cells.map(again) } }));
  return follow();
}
