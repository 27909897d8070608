// The mask: what is white is painted anew, what is black stays to the pixel.
import { html, useState } from "../h.js";
import { Choice, NumberBox, Slider, Switch, Tool } from "../ui/controls.js";
import { memory } from "./uploads.js";

const FIRST = { size: 0.16, softness: 0.3, erase: false }; // the size in shares of the shorter side
const MASKINGS = [
  ["", "Mixed (soft)"],
  ["hard", "All or nothing (hard)"],
  ["differential", "How far it may change (differential)"],
];

export const brushOf = () => memory.get().brush ?? FIRST;

const setBrush = (board, changes) => {
  memory.set({ brush: { ...brushOf(), ...changes } });
  board.onChange();
};

const pixels = (board) => {
  const { width, height } = board.mask;
  return Math.max(brushOf().size * Math.min(width, height), 1);
};

const here = (board, at) => ({ x: at.x - board.place.left, y: at.y - board.place.top });

function why(board) {
  if (board.able.beside === 4) return `${board.name} edits whole pictures, so a mask has no effect on it.`;
  if (!board.base) return "A mask needs a picture to lie on: draw one first, or bring one under Pictures.";
  return null;
}

function said(board) {
  if (!board.mask) return "The sheet is empty: there is no picture to mask.";
  return board.wish.mask
    ? "The picture and its mask: the tinted part will be painted anew."
    : "The picture. Paint over what is to be drawn anew.";
}

function key(board, event) {
  const { size, erase } = brushOf();
  const deeds = {
    "[": () => setBrush(board, { size: Math.max(size / 1.2, 0.005) }),
    "]": () => setBrush(board, { size: Math.min(size * 1.2, 1) }),
    e: () => setBrush(board, { erase: !erase }),
    i: () => all(board, (mask) => mask.invert()),
    Delete: () => all(board, (mask) => mask.fill(0)),
  };
  deeds[event.key]?.();
  return event.key in deeds;
}

function all(board, deed) {
  if (!board.mask) return;
  deed(board.mask);
  board.sendMask();
  board.onChange();
}

function paint(context, board) {
  const { mask, place, wish } = board;
  if (!mask || wish.outpaint) return;
  context.drawImage(mask.shown.canvas, place.left, place.top, place.width, place.height);
}

function Rectangle({ board }) {
  const [box, setBox] = useState([25, 25, 50, 50]);
  const set = (place) => (value) => setBox(box.map((each, number) => (number === place ? (value ?? 0) : each)));
  const fill = (gray) => () =>
    all(board, (mask) => {
      const [left, top, width, height] = box.map((each, place) => Math.round((each / 100) * (place % 2 ? mask.height : mask.width)));
      mask.fill(gray, { left, top, right: left + width, bottom: top + height });
    });
  return html`<details class="more">
    <summary>A rectangle by numbers</summary>
    <div class="two">
      ${["Left", "Top", "Width", "Height"].map((label, place) => html`<${NumberBox} key=${label} label="${label} %"
        value=${box[place]} min=${0} max=${100} onChange=${set(place)} />`)}
    </div>
    <div class="row">
      <button type="button" class="plain" onClick=${fill(255)}>Paint it</button>
      <button type="button" class="plain" onClick=${fill(0)}>Keep it</button>
    </div>
  </details>`;
}

function Panel({ board }) {
  const { wish, mask } = board;
  const brush = brushOf();
  const shorter = mask ? Math.min(mask.width, mask.height) : 100;
  const painted = Boolean(wish.mask);
  const idle = painted ? null : "Paint a mask first.";
  return html`
    <div class="row">
      <${Tool} icon="brush" label="Brush" pressed=${!brush.erase} onClick=${() => setBrush(board, { erase: false })} />
      <${Tool} icon="eraser" label="Eraser" pressed=${brush.erase} onClick=${() => setBrush(board, { erase: true })} />
    </div>
    <${Slider} label="Size" min=${0.01} max=${0.6} step=${0.005} value=${brush.size} shown="${Math.round(brush.size * shorter)} px"
      onChange=${(size) => setBrush(board, { size })} />
    <${Slider} label="Softness" min=${0} max=${1} step=${0.05} value=${brush.softness} shown="${Math.round(brush.softness * 100)} %"
      onChange=${(softness) => setBrush(board, { softness })} />
    <div class="row">
      <${Tool} icon="fill" label="Fill" disabled=${!mask} onClick=${() => all(board, (each) => each.fill(255))} />
      <${Tool} icon="invert" label="Invert" disabled=${!mask} onClick=${() => all(board, (each) => each.invert())} />
      <${Tool} icon="trash" label="Clear" disabled=${!mask} onClick=${() => all(board, (each) => each.fill(0))} />
    </div>
    <${Rectangle} board=${board} />
    <${Choice} label="What soft edges mean" value=${wish.masking ?? ""} options=${MASKINGS} idle=${idle}
      onChange=${(masking) => board.onWish({ masking })} />
    <${Switch} label="Draw only the masked part, at full size" checked=${wish.around !== null && wish.around !== undefined}
      hint=${painted ? "For small faces and far things: they get all the pixels that the model can draw." : idle}
      onChange=${(on) => painted && board.onWish({ around: on ? 16 : null })} />
    ${wish.around === null || wish.around === undefined ? null : html`<${NumberBox} label="Margin in pixels" min=${0} max=${4096}
      value=${wish.around} onChange=${(around) => board.onWish({ around: around ?? 0 })} />`}
  `;
}

export const mask = {
  name: "mask", title: "Mask", icon: "mask", cross: true, onPicture: true, Panel, why, says: said, key, paint,
  keys: "Arrow keys move a cross, with shift faster. Space puts the brush down and lifts it. [ and ] change its size, E erases, I inverts, Delete clears, Control Z undoes.",
  lead: "Paint over what is to be drawn anew. Everything else stays as it is, to the pixel.",
  history: (board) => board.mask?.history,
  changed: (board) => board.sendMask(),
  size: (board) => (board.mask ? pixels(board) : 0),
  down(board, at) {
    if (!board.mask) return;
    const { softness, erase } = brushOf();
    board.mask.begin({ size: pixels(board), softness, erase });
    const { x, y } = here(board, at);
    board.mask.to(x, y, at.pressure);
  },
  move(board, at) {
    const { x, y } = here(board, at);
    board.mask?.to(x, y, at.pressure);
  },
  up(board) {
    if (!board.mask) return;
    board.mask.end();
    board.sendMask();
  },
  cancel: (board) => board.mask?.cancel(),
};
