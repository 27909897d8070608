// What may stand in the box beside plain words: each a press away from being put there.
import { html, useState } from "../h.js";
import { Tool } from "../ui/controls.js";
import { Dialog } from "../ui/dialog.js";
import { wish } from "../wish.js";

const FORMS = [
  ["(red:1.2)", "more of a word; less below 1"],
  ["{red|blue}", "the seed chooses one"],
  ["[cat:dog:0.4]", "a cat for the first 40 % of the steps, then a dog"],
  ["[cat|dog]", "in turn, a step each"],
  ["a AND b", "two texts that guide together"],
];

const put = (form) => wish.set(({ prompt }) => ({ prompt: prompt.trim() ? `${prompt.trimEnd()} ${form}` : form, sentence: null }));

export function Grammar() {
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  return html`<${Tool} icon="info" label="What may stand in the box" bare aria-haspopup="dialog" onClick=${() => setOpen(true)} />
    <${Dialog} title="More than words" open=${open} onClose=${close}>
      <ul class="grammar">${FORMS.map(([form, words]) => html`<li key=${form}>
        <button type="button" onClick=${() => (put(form), close())}><code>${form}</code></button><span>${words}</span>
      </li>`)}</ul>
      <p class="hint"><kbd>Ctrl</kbd> <kbd>↑</kbd> and <kbd>↓</kbd> weigh the word at the caret, or what is selected. <kbd>Enter</kbd> draws, <kbd>Esc</kbd> cancels.</p>
    <//>`;
}
