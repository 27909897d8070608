// The controls that views share. Each has a label; `idle` says why it has no effect, where it has none.
import { html, useEffect, useId, useRef, useState } from "../h.js";
import { Icon } from "./icons.js";

// A button of an icon and, unless `bare`, its words. The words are its name either way.
export function Tool({ icon, label, bare = false, pressed, filled, kind = "", ...rest }) {
  return html`<button
    type="button"
    class="tool ${bare ? "bare" : ""} ${kind}"
    aria-label=${bare ? label : undefined}
    title=${bare ? label : undefined}
    aria-pressed=${pressed === undefined ? undefined : String(pressed)}
    ...${rest}
  >
    <${Icon} name=${icon} filled=${filled} />${bare ? null : html`<span>${label}</span>`}
  </button>`;
}

// A deed that cannot be taken back asks once more, in place; leaving the button leaves the question.
export function Sure({ icon, label, question, onSure, bare }) {
  const [asking, setAsking] = useState(false);
  const deed = () => (asking ? (setAsking(false), onSure()) : setAsking(true));
  return html`<${Tool}
    icon=${icon} label=${asking ? question : label} bare=${bare && !asking} kind=${asking ? "danger" : ""}
    onClick=${deed} onBlur=${() => setAsking(false)}
  />`;
}

// A labelled control with what is to be said of it. `children` is a function of the ids that it needs.
export function Field({ label, hint, idle, value, children }) {
  const id = useId();
  const said = idle || hint;
  return html`<div class="field ${idle ? "idle" : ""}">
    <div class="field-head">
      <label for=${id}>${label}</label>${value === undefined ? null : html`<output for=${id}>${value}</output>`}
    </div>
    ${children({ id, "aria-describedby": said ? `${id}-said` : undefined })}
    ${said ? html`<p class="hint" id="${id}-said">${said}</p>` : null}
  </div>`;
}

export function Slider({ label, value, min, max, step, onChange, shown, ...rest }) {
  return html`<${Field} label=${label} value=${shown ?? value} ...${rest}>
    ${(ids) => html`<input type="range" ...${ids} min=${min} max=${max} step=${step} value=${value}
      onInput=${(event) => onChange(event.currentTarget.valueAsNumber)} />`}
  <//>`;
}

// A number that may be absent: empty means null.
export function NumberBox({ label, value, min, max, step = 1, placeholder, onChange, ...rest }) {
  const changed = (event) => {
    const { value: text, valueAsNumber: number } = event.currentTarget;
    if (text === "") onChange(null);
    else if (Number.isFinite(number) && event.currentTarget.validity.valid) onChange(number);
  };
  return html`<${Field} label=${label} ...${rest}>
    ${(ids) => html`<input type="number" ...${ids} min=${min} max=${max} step=${step} value=${value ?? ""}
      placeholder=${placeholder} onInput=${changed} />`}
  <//>`;
}

// `options` are [value, words]; the value "" means null.
export function Choice({ label, value, options, onChange, ...rest }) {
  return html`<${Field} label=${label} ...${rest}>
    ${(ids) => html`<span class="select"><select ...${ids} value=${value ?? ""}
      onChange=${(event) => onChange(event.currentTarget.value || null)}>
      ${options.map(([each, words]) => html`<option key=${each} value=${each} selected=${each === (value ?? "")}>${words}</option>`)}
    </select><${Icon} name="down" /></span>`}
  <//>`;
}

export function Switch({ label, checked, onChange, hint }) {
  const id = useId();
  return html`<div class="field">
    <label class="switch">
      <input type="checkbox" role="switch" checked=${checked} aria-describedby=${hint ? id : undefined}
        onChange=${(event) => onChange(event.currentTarget.checked)} />
      <span>${label}</span>
    </label>
    ${hint ? html`<p class="hint" id=${id}>${hint}</p>` : null}
  </div>`;
}

// Short answers side by side, of which one is chosen. `options` are [value, words].
export function Chips({ label, value, options, onChange }) {
  return html`<div class="chips" role="group" aria-label=${label}>
    ${options.map(([each, words]) => html`<button type="button" class="chip" key=${each}
      aria-pressed=${String(each === value)} onClick=${() => onChange(each)}>${words}</button>`)}
  </div>`;
}

// A chosen thing that can be taken away again.
export function Taken({ label, onRemove, children }) {
  return html`<span class="chip taken">${children ?? label}
    <button type="button" aria-label="Remove ${label}" onClick=${onRemove}><${Icon} name="close" /></button>
  </span>`;
}

// A panel that hangs from its button; Escape, a press beside it, or leaving it closes it.
export function Menu({ icon, label, bare, children }) {
  const [open, setOpen] = useState(false);
  const frame = useRef();
  const id = useId();
  const close = () => {
    setOpen(false);
    frame.current.querySelector("button").focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    const away = (event) => frame.current.contains(event.target) || setOpen(false);
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [open]);
  const keys = (event) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    close();
  };
  return html`<span class="menu" ref=${frame} onKeyDown=${keys}>
    <${Tool} icon=${icon} label=${label} bare=${bare} aria-expanded=${String(open)} aria-controls=${open ? id : undefined}
      onClick=${() => setOpen(!open)} />
    ${open ? html`<div class="panel" id=${id} role="group" aria-label=${label}>${children(close)}</div>` : null}
  </span>`;
}
