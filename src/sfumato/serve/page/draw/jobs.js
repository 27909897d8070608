// The jobs of this client, newest first: what waits, what is drawn now, what ended and how.
import { html, useAnswer, useEffect, useState, useStore } from "../h.js";
import { api, connection } from "../api.js";
import { Chips, Tool } from "../ui/controls.js";
import { told as tell } from "../ui/notices.js";
import { attach } from "./run.js";

const AGAIN = 2_000; // ms between looks, while something is not over
const SHOWN = 50;
const SAID = { queued: "in line", running: "being drawn", done: "done", failed: "failed", cancelled: "cancelled" };
const KINDS = { all: [], open: ["queued", "running"], done: ["done"], failed: ["failed"] };
const open = (job) => job.state === "queued" || job.state === "running";

const told = ({ state, place, created, wish }) =>
  [place ? `${SAID[state]}, place ${place}` : SAID[state], new Date(created * 1000).toLocaleString(), wish.count > 1 ? `${wish.count} pictures` : ""]
    .filter(Boolean).join(" · ");

export function Jobs() {
  const [round, setRound] = useState(0);
  const [kind, setKind] = useState("all");
  const online = useStore(connection, (value) => value.online);
  const query = new URLSearchParams([["limit", SHOWN], ...KINDS[kind].map((state) => ["state", state])]);
  const { value, error } = useAnswer(
    (signal) => (online ? api.get(`/v1/jobs?${query}`, { signal }) : new Promise(() => {})), [round, online, kind],
  );
  const jobs = (value?.jobs ?? []).filter((job) => job.wish.prompt); // others went with their pictures, as drafts do
  const busy = jobs.some(open);
  useEffect(() => {
    const timer = setTimeout(() => setRound(round + 1), busy ? AGAIN : AGAIN * 3);
    return () => clearTimeout(timer);
  }, [round, busy]);
  const cancel = (job) => api.remove(`/v1/jobs/${job.id}`).then(() => setRound(round + 1), tell);
  const look = (job) => {
    attach([job.id]);
    location.hash = "#/draw";
  };
  return html`<section class="jobs">
    <header><h1>Jobs</h1>
      <${Chips} label="Which jobs" value=${kind} options=${Object.keys(KINDS).map((each) => [each, each])} onChange=${setKind} />
    </header>
    ${error ? html`<p class="error" role="alert">${error.message}</p>` : null}
    ${value && !jobs.length ? html`<p class="empty">No job here.</p>` : null}
    <ul>${jobs.map((job) => html`<li key=${job.id} class=${job.state}>
      <div>
        <p class="words">${job.wish.prompt}</p>
        <p class="quiet">${told(job)}</p>
        ${job.error ? html`<p class="error">${job.error}</p>` : null}
      </div>
      ${open(job) ? html`<${Tool} icon="close" label="Cancel" onClick=${() => cancel(job)} />` : null}
      ${open(job) || job.state === "done" ? html`<${Tool} icon="draw" label="Look" onClick=${() => look(job)} />` : null}
    </li>`)}</ul>
  </section>`;
}
