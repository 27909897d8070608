// The strip of what was drawn lately, from the server: it survives a reload and a restart.
import { html, useAnswer, useStore } from "../h.js";
import { api, connection, thumbnailOf } from "../api.js";
import { run, show, shownJobs } from "./run.js";

const SHOWN = 24;

export function History() {
  const finished = useStore(run, (value) => value.finished);
  const online = useStore(connection, (value) => value.online);
  const ids = useStore(run, (value) => shownJobs(value).flatMap((job) => job.records.map(({ id }) => id)).join());
  const { value } = useAnswer(
    (signal) => (online ? api.get(`/v1/pictures?limit=${SHOWN}`, { signal }) : new Promise(() => {})), [finished, online],
  );
  const records = value?.pictures ?? [];
  if (!records.length) return html`<div class="history"></div>`; // its room, so that nothing jumps
  return html`<nav class="history" aria-label="Drawn lately">
    <ul>${records.map((record) => html`<li key=${record.id}>
      <button type="button" aria-label=${record.prompt} aria-current=${ids.split(",").includes(record.id) ? "true" : undefined}
        title=${record.prompt} onClick=${() => show(record)}>
        <img src=${thumbnailOf(record.id)} alt="" loading="lazy" width="64" height="64" />
      </button>
    </li>`)}</ul>
  </nav>`;
}
