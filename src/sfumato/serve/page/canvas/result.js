// What is being drawn, over the sheet that it is drawn from; and the way to go on from it.
import { imageOf } from "../api.js";
import { desk } from "../desk.js";
import { Progress } from "../draw/progress.js";
import { isBusy, run, shownJobs } from "../draw/run.js";
import { html, useEffect, useRef, useState, useStore } from "../h.js";

// The picture that was drawn last in this tab: a record of /v1/pictures, or null.
export function useLast() {
  return useStore(run, (value) => {
    const records = shownJobs(value).flatMap((job) => job.records);
    return records[value.chosen ?? 0] ?? null;
  });
}

// The wish goes on from a picture of the gallery: nothing that was painted on another holds for it.
export function goOn({ onWish, board }, record) {
  desk.set({ beginning: { digest: record.pixels, image: imageOf(record.id) } });
  onWish({ picture: record.pixels, size: board.sizeFor(record), mask: null, outpaint: null, around: null, masking: null, strength: null });
}

export function Result({ board, wish, onWish }) {
  const jobs = useStore(run, shownJobs);
  const busy = useStore(run, isBusy);
  const [open, setOpen] = useState(false);
  const record = useLast();
  const [job] = jobs;
  const place = useRef();
  useEffect(() => {
    if (busy) setOpen(true);
  }, [busy, job?.id]);
  useEffect(() => {
    if (open) place.current?.scrollIntoView({ block: "nearest" }); // on a small screen the button lies far below
  }, [open]);
  const image = record ? imageOf(record.id) : job?.image ?? job?.previews[0];
  const failed = job?.state === "failed" ? job.error : null;
  if (!jobs.length) return null;
  return html`<div class="result ${open ? "open" : ""}">
    ${open ? html`<div class="result-picture" ref=${place}>
      ${image ? html`<img src=${image} alt=${record ? `The result: ${record.prompt}` : "Not finished yet"} />` : null}
    </div>` : null}
    <div class="result-bar">
      ${open ? html`<${Progress} jobs=${jobs} busy=${busy} />` : null}
      ${failed && open ? html`<p class="why" role="alert">${failed}</p>` : null}
      ${image ? html`<button type="button" class="plain" aria-pressed=${String(open)} onClick=${() => setOpen(!open)}>
        ${open ? "Back to the sheet" : html`<img src=${image} alt="" /> Look at the result`}</button>` : open ? html`<button type="button" class="plain" onClick=${() => setOpen(false)}>Back to the sheet</button>` : null}
      ${open && record && record.pixels !== wish.picture ? html`<button type="button" class="plain"
        onClick=${() => (goOn({ onWish, board }, record), setOpen(false))}>Go on from this</button>` : null}
    </div>
  </div>`;
}
