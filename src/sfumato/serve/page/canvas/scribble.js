// A pen whose lines the picture follows. They are drawn larger than the model draws, so that they look smooth.
import { html } from "../h.js";
import { Slider, Tool } from "../ui/controls.js";
import { Follow } from "./follow.js";
import { kindOfLines, unread } from "./steering.js";
import { memory } from "./uploads.js";

const FIRST = { size: 2, erase: false }; // in pixels of what the model draws: controls saw lines of one to three

export const penOf = () => memory.get().pen ?? FIRST;

const setPen = (board, changes) => {
  memory.set({ pen: { ...penOf(), ...changes } });
  board.onChange();
};

const scaleOf = (board) => board.lines.width / board.drawn[0];

const here = (board, at) => ({
  x: (at.x / board.sheet.width) * board.lines.width,
  y: (at.y / board.sheet.height) * board.lines.height,
});

function paint(context, board) {
  const { sheet, lines } = board;
  if (lines) context.drawImage(lines.shown.canvas, 0, 0, sheet.width, sheet.height);
}

function all(board, deed) {
  deed(board.lines);
  board.sendLines();
  board.onChange();
}

function key(board, event) {
  const { size, erase } = penOf();
  const deeds = {
    "[": () => setPen(board, { size: Math.max(size / 1.25, 0.5) }),
    "]": () => setPen(board, { size: Math.min(size * 1.25, 40) }),
    e: () => setPen(board, { erase: !erase }),
    Delete: () => all(board, (lines) => lines.fill(0)),
  };
  deeds[event.key]?.();
  return event.key in deeds;
}

function Panel({ board }) {
  const pen = penOf();
  const kind = kindOfLines(board.able);
  return html`
    <div class="row">
      <${Tool} icon="draw" label="Pen" pressed=${!pen.erase} onClick=${() => setPen(board, { erase: false })} />
      <${Tool} icon="eraser" label="Eraser" pressed=${pen.erase} onClick=${() => setPen(board, { erase: true })} />
      <${Tool} icon="trash" label="Clear" onClick=${() => all(board, (lines) => lines.fill(0))} />
    </div>
    <${Slider} label="Width" min=${0.5} max=${pen.erase ? 40 : 8} step=${0.5} value=${pen.size}
      shown="${pen.size.toFixed(1)} px" hint="Of the picture that is drawn. Controls were taught lines of one to three."
      onChange=${(size) => setPen(board, { size })} />
    <${Follow} board=${board} by="lines" what="lines" hint="They are followed as ${kind}." />
  `;
}

export const scribble = {
  name: "scribble", title: "Scribble", icon: "draw", cross: true, Panel, key, paint,
  why: (board) => unread(board.able, kindOfLines(board.able), board.name),
  says: (board) => (board.placeOf("lines") < 0 ? "The sheet, without lines. Draw outlines for the picture to follow." : "The sheet, with your lines on it."),
  keys: "Arrow keys move a cross, with shift faster. Space puts the pen down and lifts it. [ and ] change its width, E erases, Delete clears, Control Z undoes.",
  lead: "Draw the outlines of what you mean. The words say what it is, the lines say where.",
  history: (board) => board.lines?.history,
  changed: (board) => board.sendLines(),
  dims: () => 0.4,
  size: (board) => penOf().size * (board.sheet.width / board.drawn[0]),
  down(board, at) {
    const { size, erase } = penOf();
    board.lines.begin({ size: size * scaleOf(board), softness: 0, erase });
    const { x, y } = here(board, at);
    board.lines.to(x, y, at.pressure);
  },
  move(board, at) {
    const { x, y } = here(board, at);
    board.lines.to(x, y, at.pressure);
  },
  up(board) {
    board.lines.end();
    board.sendLines();
  },
  cancel: (board) => board.lines.cancel(),
};
