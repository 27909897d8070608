// Short words about what just happened, at the foot of the page and to a screen reader: say("Copied the seed").
import { html, store, useEffect, useStore } from "../h.js";
import { Tool } from "./controls.js";

const notices = store({ list: [] });
let count = 0;

// `action` is {label, run}: one way to go on. What failed stays until it is closed.
export function say(text, { failed = false, action = null } = {}) {
  count += 1;
  notices.set(({ list }) => ({ list: [...list.slice(-2), { id: count, text: String(text), failed, action }] }));
}

// For a promise whose failure is to be told: api.remove(path).catch(told)
export const told = (error) => {
  if (error.name !== "AbortError") say(error.message, { failed: true });
};

const forget = (id) => notices.set(({ list }) => ({ list: list.filter((each) => each.id !== id) }));

function Notice({ id, text, failed, action }) {
  useEffect(() => {
    if (failed || action) return undefined;
    const timer = setTimeout(() => forget(id), 5_000);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class="notice ${failed ? "failed" : ""}" role=${failed ? "alert" : undefined}>
    <p>${text}</p>
    ${action ? html`<button type="button" class="plain" onClick=${() => (action.run(), forget(id))}>${action.label}</button>` : null}
    ${failed || action ? html`<${Tool} icon="close" label="Close this line" bare onClick=${() => forget(id)} />` : null}
  </div>`;
}

export function Notices() {
  const list = useStore(notices, (value) => value.list);
  return html`<div class="notices" role="status">${list.map((each) => html`<${Notice} key=${each.id} ...${each} />`)}</div>`;
}
