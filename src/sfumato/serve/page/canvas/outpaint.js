// The frame about the picture: dragged outwards, the model goes on beyond the edge; inwards, it is cropped.
import { html } from "../h.js";
import { Field, Tool } from "../ui/controls.js";
import { dragged, grows, HANDLES, NONE, SIDES, stepped, whole, withSide } from "./frame.js";
import { grip } from "./grip.js";

function why(board) {
  if (board.able.beside === 4) return `${board.name} edits whole pictures and cannot go on beyond them.`;
  if (!board.base) return "There is no picture to go on from: draw one first, or bring one under Pictures.";
  const { step, least, most } = board.rule;
  const { width, height } = whole(board.base, board.outpaint);
  const fits = [width, height].every((side) => side % step === 0 && side >= least && side <= most);
  if (!grows(board.outpaint) || fits) return null;
  return `${board.name} draws sides of ${least} to ${most} pixels in steps of ${step}: ${width} x ${height} is none of these.`;
}

// Sides that only crop add nothing to paint: the server would refuse them, so they are not in the wish.
function commit(board, after) {
  board.draft = {};
  board.histories.outpaint.replace(board.framed, after, (sides) => {
    const paints = sides.some((side) => side > 0);
    board.crop = paints || !grows(sides) ? null : sides;
    const { width, height } = whole(board.base, sides);
    if (paints) board.onWish({ ...board.adopting, ...board.anew, outpaint: sides, size: [width, height], mask: null, around: null, masking: null });
    else if (board.wish.outpaint) board.onWish({ outpaint: null, size: board.fitting });
  });
  board.onChange();
}

const ENDS = {
  "left edge": [0, 0.5], "upper edge": [0.5, 0], "right edge": [1, 0.5], "lower edge": [0.5, 1],
  "upper left corner": [0, 0], "upper right corner": [1, 0], "lower right corner": [1, 1], "lower left corner": [0, 1],
};

function Handles({ board, view }) {
  if (!board.base) return null;
  const { sheet, outpaint, rule, place } = board;
  const { scale } = view;
  const [width, height] = [sheet.width * scale, sheet.height * scale];
  const set = (sides) => {
    board.draft = { outpaint: sides };
    board.onChange();
  };
  return html`
    <rect class="picture-edge" x=${view.left + place.left * scale} y=${view.top + place.top * scale}
      width=${place.width * scale} height=${place.height * scale} />
    <rect class="frame" x=${view.left} y=${view.top} width=${width} height=${height} />
    ${Object.keys(HANDLES).map((handle) => {
      const [across, down] = ENDS[handle];
      const [x, y] = [view.left + across * width, view.top + down * height];
      const props = grip({
        label: handle, scale,
        says: HANDLES[handle].map((side) => `${SIDES[side]} ${outpaint[side]} pixels`).join(", "),
        drag: (dx, dy) => set(dragged(board.base, board.framed, handle, dx, dy, rule)),
        drop: () => commit(board, board.outpaint),
        leave: () => set(board.framed),
        nudge: (dx, dy, event) => commit(board, stepped(board.base, board.framed, handle, event.key, rule)),
      });
      return html`<g key=${handle} class="handle ${handle.replaceAll(" ", "-")}" ...${props}>
        <rect class="reach" x=${x - 20} y=${y - 20} width="40" height="40" /><rect class="knob" x=${x - 6} y=${y - 6} width="12" height="12" rx="3" />
      </g>`;
    })}
  `;
}

// Any number may be typed: it becomes the nearest that the model can draw when one is done.
function Side({ label, step, value, onChange }) {
  const changed = (event) => {
    onChange(Math.round(event.currentTarget.valueAsNumber || 0));
    event.currentTarget.value = value; // where the nearest is what was there
  };
  return html`<${Field} label=${label}>
    ${(ids) => html`<input type="number" ...${ids} step=${step} value=${value} onChange=${changed} />`}
  <//>`;
}

function Panel({ board }) {
  const { base, outpaint, rule } = board;
  if (!base) return null;
  const { width, height } = whole(base, outpaint);
  const set = (side) => (pixels) => commit(board, withSide(base, board.framed, side, pixels, rule));
  const all = (sign) => () => {
    const each = (sides, side) => withSide(base, sides, side, sides[side] + sign * rule.step, rule);
    commit(board, [0, 1, 2, 3].reduce(each, board.framed));
  };
  const only = grows(outpaint) && !outpaint.some((side) => side > 0);
  return html`
    <p class="measure"><strong>${width} × ${height}</strong> from ${base.width} × ${base.height}</p>
    ${only ? html`<p class="why">This only crops. Draw one side outwards: something must grow for the model to paint.</p>` : null}
    <div class="two">
      ${["Left", "Above", "Right", "Below"].map((label, side) => html`<${Side} key=${label} label=${label} step=${rule.step}
        value=${outpaint[side]} onChange=${set(side)} />`)}
    </div>
    <p class="hint">In steps of ${rule.step} pixels, which is what ${board.name} can draw. Negative numbers crop.</p>
    <div class="row">
      <${Tool} icon="grow" label="Grow all around" onClick=${all(1)} />
      <${Tool} icon="undo" label="Back to the picture" disabled=${!grows(outpaint)} onClick=${() => commit(board, NONE)} />
    </div>
  `;
}

export const outpaint = {
  name: "outpaint", title: "Outpaint", icon: "frame", onPicture: true, margin: 0.14, Panel, Handles, why,
  says: (board) => (board.base ? `The picture in its frame of ${board.sheet.width} by ${board.sheet.height} pixels.` : "The sheet is empty."),
  keys: "Tab goes to the handles of the frame; arrow keys move them in steps that the model can draw. On the sheet arrow keys move the view.",
  lead: "Drag the frame outwards, and the model goes on beyond the edge.",
  history: (board) => board.histories.outpaint,
};
