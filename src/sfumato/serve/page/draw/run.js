// What is being drawn for this tab: jobs, followed by their events, through reloads and the server's absence.
//
// A sheet is what the last press of the button asked for: one job or several side by side. Jobs of earlier
// sheets are followed to their end, so that the strip below learns of them.
import { store } from "../h.js";
import { api, ApiError, back, events, imageOf } from "../api.js";
import { keptStore } from "../kept.js";
import { say } from "../ui/notices.js";
import { asked } from "../wish.js";

const ENDED = ["done", "failed", "cancelled"];
const FRESH = {
  id: null, state: "sending", place: null, of: null, index: 0, total: 0, picture: 0, left: null,
  previews: [], records: [], notes: [], error: null, draft: false, image: null,
};

// jobs: by key, each FRESH with its wish. sheet: the keys that are shown. chosen: which picture of a sheet is
// looked at, by its place, or null. finished counts the pictures that were drawn here.
export const run = store({ jobs: {}, sheet: [], chosen: null, finished: 0 });
const followed = keptStore("run", { jobs: [] }, { shared: false });

export const isOver = (job) => ENDED.includes(job.state);
export const shownJobs = ({ jobs, sheet }) => sheet.map((key) => jobs[key]).filter(Boolean);
export const isBusy = (value) => shownJobs(value).some((job) => !isOver(job));

const change = (key, changes) =>
  run.set(({ jobs }) => (jobs[key] ? { jobs: { ...jobs, [key]: { ...jobs[key], ...changes } } } : {}));
const jobOf = (key) => run.get().jobs[key];
const newKey = () => [...crypto.getRandomValues(new Uint32Array(4))].map((each) => each.toString(36)).join("");

// Draw wishes, one job each, side by side. `draft`: to be looked at only, it is not kept in the gallery.
export async function draw(wishes, { draft = false } = {}) {
  const keys = wishes.map(newKey);
  const old = run.get();
  const before = shownJobs(old).at(-1);
  const image = draft ? before?.image ?? before?.previews[0] ?? null : null;
  const added = keys.map((key, place) => [key, { ...FRESH, wish: wishes[place], draft, image }]);
  const alive = Object.entries(old.jobs).filter(([, job]) => !isOver(job));
  run.set({ jobs: Object.fromEntries([...alive, ...added]), sheet: keys, chosen: null });
  await Promise.all(keys.map(start));
}

async function start(key) {
  try {
    const { id } = await accepted(key, asked(jobOf(key).wish));
    change(key, { id, state: "queued" });
    remember();
    if (jobOf(key)?.unwanted) await api.remove(`/v1/jobs/${id}`);
    await follow(key);
  } catch (error) {
    change(key, { state: "failed", error: error.message });
  }
}

// The key makes a repeated question the same job: what was asked before the server went is not drawn twice.
async function accepted(key, wish) {
  for (;;) {
    try {
      return await api.post("/v1/jobs", wish, { headers: { "Idempotency-Key": key } });
    } catch (error) {
      if (error.type !== "gone") throw error;
      await back();
      if (jobOf(key)?.unwanted) throw new ApiError("Cancelled before the server was back.");
    }
  }
}

function remember() {
  const { jobs, sheet } = run.get();
  followed.set({ jobs: sheet.filter((key) => jobs[key]?.id && !jobs[key].draft).map((key) => jobs[key].id) });
}

// Listen to a job until it has ended. A stream that breaks is resumed where it was.
async function follow(key) {
  let last = null;
  while (jobOf(key) && !isOver(jobOf(key))) {
    try {
      for await (const { id, event, data } of events(`/v1/jobs/${jobOf(key).id}/events`, { last })) {
        last = id ?? last;
        await play(key, event, data);
        if (!jobOf(key) || isOver(jobOf(key)) || event === "closing") break;
      }
      if (jobOf(key) && !isOver(jobOf(key))) await back(); // the stream ended before the job: the server is ending
    } catch (error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
      if (error.type === "gone") last = null; // a server that began anew counts its events anew
      await back();
    }
  }
}

async function play(key, event, data) {
  if (event === "queued") change(key, { state: "queued", place: data.place, of: data.of });
  else if (event === "started") change(key, { state: "running", place: null });
  else if (event === "step") stepped(key, data);
  else if (event === "done") await finished(key, data.job);
  else if (event === "failed") change(key, { state: "failed", error: data.error });
  else if (event === "cancelled") change(key, { state: "cancelled" });
}

function stepped(key, { index, total, picture, seconds_left: left, preview }) {
  const { draft, image, previews: before } = jobOf(key) ?? {};
  if (draft && image) return; // the draft before it is shown until it is whole: nothing to draw anew for a step
  const previews = [...(before ?? [])];
  if (preview) previews[picture ?? 0] = preview;
  change(key, { state: "running", place: null, index, total, picture: picture ?? 0, left, previews });
}

async function finished(key, { pictures, notes, wish }) {
  if (jobOf(key)?.draft) return taken(key, pictures[0]);
  const found = await Promise.all(pictures.map((id) => api.get(`/v1/pictures/${id}`).catch(() => null)));
  const records = found.filter(Boolean); // some may have been deleted meanwhile
  change(key, { state: "done", records, notes, wish: { ...jobOf(key)?.wish, seed: wish.seed } });
  run.set(({ finished: count }) => ({ finished: count + records.length }));
  return undefined;
}

// A draft is looked at and not kept: its pixels are fetched, then it is deleted.
async function taken(key, id) {
  const image = await asAddress(await api.blob(imageOf(id)));
  change(key, { state: "done", image });
  api.remove(`/v1/pictures/${id}`).catch((error) => say(error.message, { failed: true }));
}

const asAddress = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

// Cancel what the sheet still draws.
export function cancel() {
  for (const key of run.get().sheet) {
    const job = jobOf(key);
    if (!job || isOver(job)) continue;
    change(key, { unwanted: true });
    if (job.id) api.remove(`/v1/jobs/${job.id}`).catch((error) => error.status === 409 || say(error.message, { failed: true }));
  }
}

// Take up a job by its id, as after a reload or from the list of jobs.
export async function attach(ids) {
  const found = await Promise.all(ids.map((id) => api.get(`/v1/jobs/${id}`).catch(() => null)));
  const jobs = found.filter(Boolean);
  if (!jobs.length) return;
  const added = jobs.map((job) => [job.id, { ...FRESH, id: job.id, wish: job.wish, state: "queued", place: job.place }]);
  run.set((value) => ({ jobs: { ...value.jobs, ...Object.fromEntries(added) }, sheet: jobs.map(({ id }) => id), chosen: null }));
  remember();
  for (const job of jobs) {
    if (job.state === "done") finished(job.id, job);
    else if (isOver(job)) change(job.id, { state: job.state, error: job.error });
    else follow(job.id).catch((error) => change(job.id, { state: "failed", error: error.message }));
  }
}

// A picture of the gallery, shown as if it had just been drawn.
export function show(record) {
  const job = { ...FRESH, id: record.job, wish: record.request, state: "done", records: [record], notes: record.notes };
  run.set(({ jobs }) => ({ jobs: { ...jobs, [record.id]: job }, sheet: [record.id], chosen: null }));
}

export function clear() {
  run.set({ sheet: [], chosen: null });
  remember();
}

export function forget(picture) {
  for (const [key, job] of Object.entries(run.get().jobs)) {
    if (job.records.some(({ id }) => id === picture)) change(key, { records: job.records.filter(({ id }) => id !== picture) });
  }
  run.set(({ finished: count }) => ({ chosen: null, finished: count + 1 }));
}

export function renew(record) {
  for (const [key, job] of Object.entries(run.get().jobs)) {
    if (job.records.some(({ id }) => id === record.id))
      change(key, { records: job.records.map((each) => (each.id === record.id ? { ...each, ...record } : each)) });
  }
}

if (followed.get().jobs.length) attach(followed.get().jobs);
