// A window over the page: the browser's own <dialog>, which keeps the focus and closes by Escape.
import { html, useEffect, useId, useRef } from "../h.js";
import { Tool } from "./controls.js";

// `children` are drawn while it is open. `wide`: as wide as the window allows.
export function Dialog({ title, open, onClose, wide = false, children }) {
  const frame = useRef();
  const id = useId();
  useEffect(() => {
    if (open && !frame.current.open) frame.current.showModal();
    if (!open && frame.current.open) frame.current.close();
  }, [open]);
  const beside = (event) => event.target === frame.current && onClose();
  return html`<dialog class="dialog ${wide ? "wide" : ""}" ref=${frame} aria-labelledby=${id} onClose=${onClose} onClick=${beside}>
    ${open
      ? html`<div class="dialog-body">
          <header><h2 id=${id}>${title}</h2><${Tool} icon="close" label="Close" bare onClick=${onClose} /></header>
          ${children}
        </div>`
      : null}
  </dialog>`;
}
