// A layout: one box for each thing, in the order in which the words name them, as a picture of flat colours.
import { html } from "../h.js";
import { Tool } from "../ui/controls.js";
import { LAYOUT_COLOURS, paintLayout, spare } from "./boxes.js";
import { Boxes, Numbers, spanning } from "./boxtool.js";
import { Follow } from "./follow.js";
import { unread, without } from "./steering.js";

const NAMES = Object.keys(LAYOUT_COLOURS);

const list = (board) => board.from("layout");

function put(board, after) {
  board.histories.layout.replace(board.kept ?? list(board), after, (boxes) => send(board, boxes));
}

async function send(board, boxes) {
  if (!boxes.length) return board.drop("layout");
  board.draft.layout = boxes;
  board.onChange();
  const [width, height] = board.drawn;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  paintLayout(canvas.getContext("2d"), boxes, { width, height });
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  await board.sendMade("layout", blob, boxes);
}

function add(board, area) {
  const boxes = list(board);
  if (boxes.length >= NAMES.length) return;
  board.selected = boxes.length;
  put(board, [...boxes, area]);
}

const change = (board, place, area) => put(board, list(board).map((each, number) => (number === place ? area : each)));

function remove(board, place) {
  board.selected = Math.max(0, Math.min(board.selected, list(board).length - 2));
  put(board, without(list(board), place));
}

function Handles({ board, view }) {
  const boxes = list(board).map((area, place) => ({
    area, name: `box ${place + 1}`, colour: `layout-${NAMES[place]}`, words: String(place + 1),
  }));
  return html`<${Boxes} board=${board} view=${view} boxes=${boxes}
    drag=${(place, area) => {
      board.kept ??= list(board);
      board.draft.layout = board.kept.map((each, number) => (number === place ? area : each));
      board.onChange();
    }}
    drop=${() => {
      if (board.draft.layout) put(board, board.draft.layout);
      board.kept = null;
    }}
    leave=${() => {
      board.kept = null;
      delete board.draft.layout;
      board.onChange();
    }}
    put=${(place, area) => change(board, place, area)} remove=${(place) => remove(board, place)} />`;
}

function Panel({ board }) {
  const boxes = list(board);
  return html`
    ${boxes.length ? html`<ol class="entries">${boxes.map((area, place) => html`<li key=${place} class="entry ${place === board.selected ? "current" : ""}"
      onFocusIn=${() => place === board.selected || ((board.selected = place), board.onChange())}>
      <span class="swatch tint-layout-${NAMES[place]}" aria-hidden="true"></span>
      <div class="entry-body"><strong>The ${ORDINALS[place]} thing of the prompt</strong><${Numbers} area=${area} onChange=${(changed) => change(board, place, changed)} /></div>
      <${Tool} icon="trash" label="Remove box ${place + 1}" bare onClick=${() => remove(board, place)} />
    </li>`)}</ol>` : null}
    <button type="button" class="plain" disabled=${boxes.length >= NAMES.length} onClick=${() => add(board, spare(boxes))}>Add a box</button>
    ${boxes.length >= NAMES.length ? html`<p class="hint">A layout knows ${NAMES.length} colours, and so as many things.</p>` : null}
    <${Follow} board=${board} by="layout" what="boxes" />
  `;
}

const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];

export const layout = {
  name: "layout", title: "Layout", icon: "layout", cross: true, Panel, Handles,
  ...spanning(add),
  why: (board) => unread(board.able, "layout", board.name),
  says: (board) => `The sheet with ${list(board).length} boxes. Draw a box for each thing that the prompt names.`,
  keys: "Arrow keys move a cross; space begins a box and ends it. Tab goes to the boxes: arrow keys move them, their corners resize them, Delete removes them.",
  lead: "Draw one box for each thing, in the order in which the prompt names them. A thing touches its box with its longer side.",
  history: (board) => board.histories.layout,
  dims: () => 0.4,
};
