// Settings out of a file: any PNG of ours, by its recipe, or of A1111's kind, by its text. Chosen or dropped.
import { html, useAnswer, useRef } from "../h.js";
import { api } from "../api.js";
import { Tool } from "../ui/controls.js";
import { Dialog } from "../ui/dialog.js";
import { say } from "../ui/notices.js";
import { Facts, factsOf } from "./facts.js";

export function Restore({ onFile }) {
  const input = useRef();
  const chosen = (event) => {
    if (event.currentTarget.files[0]) onFile(event.currentTarget.files[0]);
    event.currentTarget.value = ""; // so that the same file may be chosen again
  };
  return html`<span class="restore">
    <${Tool} icon="use" label="Settings of a file" onClick=${() => input.current.click()} />
    <input type="file" accept="image/png" hidden ref=${input} onChange=${chosen} aria-label="A PNG to take the settings of" />
  </span>`;
}

export function Dropped({ file, onClose, onUse }) {
  const { value: answer, error } = useAnswer((signal) => (file ? api.send("/v1/restore", file, { signal }).then((told) => ({ ...told, file })) : null), [file]);
  const value = answer?.file === file ? answer : null; // not those of the file before
  const use = () => {
    onClose();
    onUse(value.wish);
    say("The box and the settings are those of the file");
  };
  const refused = error && file;
  return html`<${Dialog} title="Settings of ${file?.name ?? "a file"}" open=${Boolean(file)} onClose=${onClose}>
    ${refused ? html`<p class="error" role="alert">${error.message}</p>` : null}
    ${!value && !refused ? html`<p class="quiet" role="status">Reading it …</p>` : null}
    ${value && !refused
      ? html`<${Facts} facts=${factsOf({ request: value.wish })} />
          ${value.notes.length ? html`<ul class="notes" aria-label="Notes">${value.notes.map((each) => html`<li key=${each}>${each}</li>`)}</ul>` : null}
          <button type="button" class="primary" onClick=${use}>Use these</button>`
      : null}
  <//>`;
}
