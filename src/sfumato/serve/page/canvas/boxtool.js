// Boxes on the stage, for regions and for layouts: drawn, moved, resized, by pointer and by keys.
import { html } from "../h.js";
import { NumberBox } from "../ui/controls.js";
import { CORNERS, moved, resized, spanned, withNumber } from "./boxes.js";
import { grip } from "./grip.js";

const PACE = 0.02;

const share = (board, at) => ({ x: at.x / board.sheet.width, y: at.y / board.sheet.height });

// A new box follows the pointer. `add(box)` is told when it is let go, unless it is too small to be meant.
export const spanning = (add) => ({
  down(board, at) {
    board.span = { from: share(board, at), to: share(board, at) };
  },
  move(board, at) {
    if (board.span) board.span.to = share(board, at);
    board.onChange();
  },
  up(board, at) {
    if (!board.span) return;
    const box = spanned(board.span.from, share(board, at));
    board.span = null;
    if (box) add(board, box);
  },
  cancel(board) {
    board.span = null;
  },
});

function Knobs({ frame, box, scale, edges }) {
  const { x, y, width, height } = frame;
  return Object.entries(CORNERS).map(([corner, [west, north, east, south]]) => {
    const [left, top] = [x + width * (west ? 0 : east ? 1 : 0.5), y + height * (north ? 0 : south ? 1 : 0.5)];
    const after = (dx, dy) => resized(box.area, corner, dx / scale.width, dy / scale.height);
    const props = grip({
      label: `${corner} of ${box.name}`, scale: 1,
      drag: (dx, dy) => edges.drag(after(dx, dy)),
      drop: edges.drop,
      leave: edges.leave,
      nudge: (dx, dy, event) => edges.put(resized(box.area, corner, dx * pace(event), dy * pace(event))),
    });
    return html`<g key=${corner} class="handle ${corner.replaceAll(" ", "-")}" ...${props}>
      <rect class="reach" x=${left - 16} y=${top - 16} width="32" height="32" /><rect class="knob" x=${left - 5} y=${top - 5} width="10" height="10" rx="2" />
    </g>`;
  });
}

const pace = (event) => (event.shiftKey ? PACE * 5 : PACE);

// `boxes` are {area, name, colour, words}; `drag(place, area)`, `drop()`, `leave()`, `put(place, area)`, `remove(place)`.
export function Boxes({ board, view, boxes, drag, drop, leave, put, remove }) {
  const { sheet, selected, span } = board;
  const scale = { width: sheet.width * view.scale, height: sheet.height * view.scale };
  const frameOf = ([left, top, width, height]) => ({
    x: view.left + left * scale.width,
    y: view.top + top * scale.height,
    width: width * scale.width,
    height: height * scale.height,
  });
  const choose = (place) => () => {
    if (board.selected === place) return;
    board.selected = place;
    board.onChange();
  };
  const drawn = boxes.map((box, place) => {
    if (!Array.isArray(box.area)) return null;
    const frame = frameOf(box.area);
    const [left, top, width, height] = box.area.map((each) => Math.round(each * 100));
    // the whole way is told since the press, so it counts from where the box lay then
    let first = null;
    const props = grip({
      label: box.name, scale: 1, onFocus: choose(place),
      says: `${left} per cent from the left, ${top} from the top, ${width} wide, ${height} high`,
      drag: (dx, dy) => drag(place, moved((first ??= box.area), dx / scale.width, dy / scale.height)),
      drop, leave,
      nudge: (dx, dy, event) => put(place, moved(box.area, dx * pace(event), dy * pace(event))),
      keys: { Delete: () => remove(place), Backspace: () => remove(place) },
    });
    const chosen = place === selected;
    return html`<g key=${place} class="placed ${chosen ? "current" : ""}">
      <rect class="area tint-${box.colour}" ...${frame} ...${props} />
      <text class="box-name" x=${frame.x + 8} y=${frame.y + 19} aria-hidden="true">${box.words}</text>
      ${chosen ? html`<${Knobs} frame=${frame} box=${box} scale=${scale}
        edges=${{ drag: (area) => drag(place, area), drop, leave, put: (area) => put(place, area) }} />` : null}
    </g>`;
  });
  const fresh = span && spanned(span.from, span.to);
  return html`${drawn}${fresh ? html`<rect class="area fresh" ...${frameOf(fresh)} />` : null}`;
}

export function Numbers({ area, onChange }) {
  return html`<div class="two">
    ${["Left", "Top", "Width", "Height"].map((label, place) => html`<${NumberBox} key=${label} label="${label} %" min=${0} max=${100}
      step=${1} value=${Math.round(area[place] * 100)} onChange=${(percent) => onChange(withNumber(area, place, percent ?? 0))} />`)}
  </div>`;
}
