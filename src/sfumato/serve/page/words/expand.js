// A vague wish made a full sentence: what is added is shown before it is drawn.
import { html, useState, useStore } from "../h.js";
import { api } from "../api.js";
import { Dialog } from "../ui/dialog.js";
import { Tool } from "../ui/controls.js";
import { told } from "../ui/notices.js";
import { anySeed, wish } from "../wish.js";

// The pieces of `next`: [words, whether they were added], by the longest common run of words.
export function added(old, next) {
  const [from, to] = [old.split(/\s+/), next.split(/\s+/)];
  const bare = (word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const common = from.map(() => []).concat([[]]);
  for (let i = from.length; i >= 0; i -= 1)
    for (let j = to.length; j >= 0; j -= 1)
      common[i][j] = i === from.length || j === to.length ? 0
        : bare(from[i]) === bare(to[j]) ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const pieces = [];
  for (let i = 0, j = 0; j < to.length; j += 1) {
    while (i < from.length && bare(from[i]) !== bare(to[j]) && common[i + 1][j] > common[i][j + 1]) i += 1;
    const same = i < from.length && bare(from[i]) === bare(to[j]);
    if (same) i += 1;
    pieces.push([to[j], !same]);
  }
  return pieces;
}

export function Expand() {
  const prompt = useStore(wish, (value) => value.prompt);
  const [offer, setOffer] = useState(null);
  const ask = async () => {
    try {
      const { model } = wish.get();
      const answer = await api.post("/v1/words/expand", { sentence: prompt, seed: anySeed(), ...(model ? { model } : {}) });
      setOffer(answer);
    } catch (error) {
      told(error);
    }
  };
  const take = () => {
    wish.set({ prompt: offer.sentence, sentence: offer.original });
    setOffer(null);
  };
  return html`<${Tool} icon="spark" label="Say more" disabled=${!prompt.trim()} onClick=${ask} />
    <${Dialog} title="Said more fully" open=${offer !== null} onClose=${() => setOffer(null)}>
      ${offer ? html`<p class="expanded">${added(offer.original, offer.sentence).map(([words, isNew]) => (isNew ? html`<ins>${words}</ins> ` : `${words} `))}</p>
        ${offer.why.map((each) => html`<p class="quiet" key=${each}>${each}</p>`)}
        <div class="choices">
          <button type="button" class="primary" onClick=${take}>Use it</button>
          <button type="button" class="plain" onClick=${ask}>Another</button>
        </div>` : null}
    <//>`;
}
