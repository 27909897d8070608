// The picture as it comes out of the noise, or a sheet of several, with what is said of it below.
import { html, useStore } from "../h.js";
import { imageOf } from "../api.js";
import { Tool } from "../ui/controls.js";
import { Notes } from "../ui/notes.js";
import { Actions } from "./actions.js";
import { Progress } from "./progress.js";
import { isBusy, run, shownJobs } from "./run.js";
import { Seed } from "./seed.js";

const MOST_COUNT = 16;

// A draft stays as the one before until it is whole: noise at every key would be unrest.
function imageIn(job, record, place) {
  if (record) return imageOf(record.id);
  if (job.draft) return job.image ?? job.previews[0];
  return job.state === "done" ? null : job.previews[place];
}

// Every picture that the sheet has or will have.
function cellsOf(jobs) {
  return jobs.flatMap((job) => {
    const count = job.state === "done" && !job.draft ? job.records.length : Math.min(job.wish.count ?? 1, MOST_COUNT);
    return Array.from({ length: count }, (_, place) => {
      const record = job.records[place] ?? null;
      return { job, record, image: imageIn(job, record, place), finished: Boolean(record), words: job.wish.prompt ?? "" };
    });
  });
}

function sizeOf({ record, job }) {
  const [width, height] = record ? [record.width, record.height] : job.wish.size ?? [1, 1];
  return { "--ratio": width / height };
}

function Picture({ cell }) {
  const lost = cell.job.state === "failed" || cell.job.state === "cancelled";
  return cell.image
    ? html`<img src=${cell.image} alt=${cell.finished ? cell.words : `Not finished: ${cell.words}`}
        class=${cell.finished || cell.job.draft ? "" : "forming"} width=${cell.record?.width} height=${cell.record?.height} />`
    : html`<span class="blank ${lost ? "" : "waiting"}"></span>`;
}

function Sheet({ cells }) {
  const columns = Math.ceil(Math.sqrt(cells.length));
  return html`<ul class="sheet" style=${{ "--columns": columns, ...sizeOf(cells[0]) }} aria-label="Pictures">
    ${cells.map((cell, place) => html`<li key=${place}>
      <button type="button" aria-label="Look at picture ${place + 1}" disabled=${!cell.record} onClick=${() => run.set({ chosen: place })}>
        <${Picture} cell=${cell} />
      </button>
    </li>`)}
  </ul>`;
}

function One({ cell, several }) {
  return html`<figure class="hero" style=${sizeOf(cell)}>
    ${several ? html`<${Tool} icon="gallery" label="Back to all" onClick=${() => run.set({ chosen: null })} />` : null}
    <${Picture} cell=${cell} />
  </figure>`;
}

const notesOf = (jobs, record) => [...new Set([...(record?.notes ?? []), ...jobs.flatMap((job) => job.notes)])];

function Failures({ jobs }) {
  const errors = [...new Set(jobs.filter((job) => job.state === "failed").map((job) => job.error))];
  return html`<div role="alert" class="failures">${errors.map((each) => html`<p class="error" key=${each}>${each}</p>`)}</div>`;
}

export function Stage() {
  const value = useStore(run);
  const jobs = shownJobs(value);
  const cells = cellsOf(jobs);
  const cell = cells.length === 1 ? cells[0] : cells[value.chosen] ?? null;
  const failed = jobs.length > 0 && jobs.every((job) => job.state === "failed");
  const gone = !cells.length;
  return html`<section class="stage" aria-label="Picture">
    ${failed || gone ? null : cell ? html`<${One} cell=${cell} several=${cells.length > 1} />` : html`<${Sheet} cells=${cells} />`}
    ${gone ? html`<p class="empty">Deleted.</p>` : null}
    <${Failures} jobs=${jobs} />
    <div class="below ${cell ? "" : "short"}">
      <${Progress} jobs=${jobs} busy=${isBusy(value) && !jobs[0].draft} />
      ${cell?.record ? html`<${Seed} record=${cell.record} /><${Actions} record=${cell.record} key=${cell.record.id} />` : null}
      ${jobs[0].draft ? html`<p class="quiet">A draft of few steps, not kept. Finish it when it pleases.</p>` : null}
      <${Notes} notes=${notesOf(jobs, cell?.record)} />
    </div>
  </section>`;
}
