// Regions: parts of the picture with words of their own.
import { html } from "../h.js";
import { Chips, Field, Slider, Tool } from "../ui/controls.js";
import { spare } from "./boxes.js";
import { Boxes, Numbers, spanning } from "./boxtool.js";
import { regionsOf, replaced, without } from "./steering.js";

const COLOURS = 6;
const SEAM = 0.06;

const put = (board, after) => board.histories.regions.replace(board.kept ?? board.regions, after, (list) => board.putRegions(list));

const change = (board, place, changes) => put(board, replaced(board.regions, place, changes));

function add(board, area) {
  const list = board.regions;
  board.selected = list.length;
  put(board, [...list, { area, words: "", negative: "", seam: SEAM }]);
  board.focusWanted = `region-words-${list.length}`;
  board.onChange();
}

function remove(board, place) {
  put(board, without(board.regions, place));
  board.selected = Math.max(0, Math.min(board.selected, board.regions.length - 1));
  board.onChange();
}

const nameOf = (each, place) => (each.words.trim() ? `region ${place + 1}, ${each.words}` : `region ${place + 1}, without words`);

function Handles({ board, view }) {
  const boxes = board.regions.map((each, place) => ({
    area: each.area, name: nameOf(each, place), colour: place % COLOURS, words: each.words || "…",
  }));
  return html`<${Boxes} board=${board} view=${view} boxes=${boxes}
    drag=${(place, area) => {
      board.kept ??= board.regions;
      board.draft.regions = replaced(board.kept, place, { area });
      board.onChange();
    }}
    drop=${() => {
      if (board.draft.regions) put(board, board.draft.regions);
      board.kept = null;
    }}
    leave=${() => {
      board.kept = null;
      delete board.draft.regions;
      board.onChange();
    }}
    put=${(place, area) => change(board, place, { area })} remove=${(place) => remove(board, place)} />`;
}

function Entry({ board, each, place }) {
  const chosen = place === board.selected;
  const set = (name) => (event) => change(board, place, { [name]: event.currentTarget.value });
  const words = each.words.trim();
  return html`<li class="entry ${chosen ? "current" : ""}" onFocusIn=${() => chosen || ((board.selected = place), board.onChange())}>
    <span class="swatch tint-${place % COLOURS}" aria-hidden="true"></span>
    <div class="entry-body">
      <strong>Region ${place + 1}</strong>
      <${Field} label="What is here" idle=${words ? null : "Without words it has no effect."}>
        ${(ids) => html`<input type="text" ...${ids} data-name="region-words-${place}" value=${each.words} placeholder="a red cat" onInput=${set("words")} />`}
      <//>
      ${chosen ? html`
        <${Field} label="What is not to be here"
          idle=${each.negative && !words ? "It needs words for what is here, too." : null}>
          ${(ids) => html`<input type="text" ...${ids} value=${each.negative} placeholder="as for the whole picture" onInput=${set("negative")} />`}
        <//>
        ${Array.isArray(each.area) ? html`<${Numbers} area=${each.area} onChange=${(area) => change(board, place, { area })} />`
          : html`<p class="hint">Its place is a mask of its own.</p>`}
        <${Slider} label="Softness of its edge" min=${0} max=${0.3} step=${0.01} value=${each.seam} shown="${Math.round(each.seam * 100)} %"
          onChange=${(seam) => change(board, place, { seam })} />` : null}
    </div>
    <${Tool} icon="trash" label="Remove region ${place + 1}" bare onClick=${() => remove(board, place)} />
  </li>`;
}

function Panel({ board }) {
  const list = board.regions;
  return html`
    ${list.length ? html`<ul class="entries">${list.map((each, place) => html`<${Entry} key=${place} board=${board} each=${each} place=${place} />`)}</ul>` : null}
    <button type="button" class="plain" onClick=${() => add(board, spare(list.map((each) => each.area).filter(Array.isArray)))}>Add a region</button>
    ${list.length ? html`
      <div class="field"><span class="label">How they are joined</span>
        <${Chips} label="How they are joined" value=${board.wish.regions_by ?? "blend"} options=${[["blend", "Blend: exact"], ["attention", "Attention: quick, looser"]]}
          onChange=${(regions_by) => board.onWish({ regions_by })} />
      </div>
      <p class="hint">Where no region lies, the prompt itself holds: let it say where everything is, as “beach”.</p>` : null}
  `;
}

function why(board) {
  if (regionsOf(board.wish).length && board.wish.prompt && !board.wish.prompt.trim()) return "The prompt is empty.";
  return null;
}

export const regions = {
  name: "regions", title: "Regions", icon: "regions", cross: true, Panel, Handles, why,
  ...spanning(add),
  says: (board) => `The sheet with ${board.regions.length} regions. Draw a box for each thing.`,
  keys: "Arrow keys move a cross; space begins a box and ends it. Tab goes to the boxes: arrow keys move them, their corners resize them, Delete removes them.",
  lead: "Draw a box where something is to be, and say what.",
  history: (board) => board.histories.regions,
  dims: () => 0.55,
};
