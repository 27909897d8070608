// How far the drawing is, and the way to stop it.
import { html, useEffect, useState } from "../h.js";
import { Tool } from "../ui/controls.js";
import { cancel, isOver } from "./run.js";

// Shares, 0 to 1, of what the sheet asks for.
function shareOf(job) {
  if (isOver(job)) return 1;
  if (!job.total) return 0;
  const count = job.wish.count ?? 1;
  return Math.min((job.picture + job.index / job.total) / count, 1);
}

export function timeLeft(seconds) {
  if (seconds < 1) return "less than a second left";
  if (seconds < 90) return `about ${Math.ceil(seconds)} s left`;
  return `about ${Math.ceil(seconds / 60)} min left`;
}

function saying(jobs) {
  const open = jobs.filter((job) => !isOver(job));
  if (open.some((job) => job.unwanted)) return "Cancelling …";
  const running = open.filter((job) => job.state === "running" && job.total);
  if (running.length) {
    const left = running.map((job) => job.left).filter((each) => each !== null && each !== undefined);
    const slowest = running.reduce((one, other) => (shareOf(one) <= shareOf(other) ? one : other));
    const among = jobs.length > 1 ? ` · ${jobs.length - open.length} of ${jobs.length} done` : "";
    const time = left.length ? timeLeft(Math.max(...left)) : "measuring the time";
    return `Step ${slowest.index} of ${slowest.total}${among} · ${time}`;
  }
  if (open.some((job) => job.state === "running")) return "Reading the words …";
  const place = open.find((job) => job.place)?.place;
  if (place) return place === 1 ? "Next in line" : `${place - 1} before this in line`;
  return "Asking the server …";
}

// A screen reader hears the turns and the quarters, not every step.
function useTurns(jobs, busy, share) {
  const [said, setSaid] = useState("");
  const quarter = Math.floor(share * 4);
  const states = jobs.map((job) => job.state).join();
  useEffect(() => {
    if (busy) setSaid(quarter && quarter < 4 ? `${quarter * 25} percent` : saying(jobs));
    else if (jobs.some((job) => job.state === "done")) setSaid("Done");
    else if (jobs.some((job) => job.state === "cancelled")) setSaid("Cancelled");
    else setSaid("");
  }, [busy, quarter, states]);
  return said;
}

export function Progress({ jobs, busy }) {
  const share = jobs.reduce((sum, job) => sum + shareOf(job), 0) / (jobs.length || 1);
  const said = useTurns(jobs, busy, share);
  const cancelled = !busy && jobs.length > 0 && jobs.every((job) => job.state === "cancelled");
  const words = saying(jobs);
  return html`<div class="progress">
    <p class="hidden-words" role="status">${said}</p>
    ${busy
      ? html`<div class="bar" role="progressbar" aria-label="Drawing" aria-valuemin="0" aria-valuemax="100"
            aria-valuenow=${Math.round(share * 100)} aria-valuetext=${words}><i style=${{ scale: `${share} 1` }}></i></div>
          <p class="quiet" aria-hidden="true">${words}</p>
          <${Tool} icon="close" label="Cancel" onClick=${cancel} title="Escape" />`
      : null}
    ${cancelled ? html`<p class="quiet" aria-hidden="true">Cancelled. Nothing was kept.</p>` : null}
  </div>`;
}
