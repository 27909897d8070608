// Stick figures whose joints drag, and become a picture in OpenPose's colours.
import { html } from "../h.js";
import { Chips, Tool } from "../ui/controls.js";
import { Follow } from "./follow.js";
import { grip } from "./grip.js";
import { carried, COLOURS, JOINTS, LIMBS, mirrored, poseImage, scaled, shown, standing, withJoint } from "./skeleton.js";
import { unread, without } from "./steering.js";

const PACE = 0.01;
const MOST = 10;
const PLACES = [0.5, 0.25, 0.75, 0.38, 0.62];

const list = (board) => board.from("pose");

const chosenOf = (board) => Math.min(board.selected, list(board).length - 1);

const put = (board, after) => board.histories.pose.replace(board.kept ?? list(board), after, (figures) => send(board, figures));

async function send(board, figures) {
  const seen = figures.filter((figure) => figure.some(Boolean));
  if (!seen.length) return board.drop("pose");
  board.draft.pose = figures;
  board.onChange();
  const [width, height] = board.drawn;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").putImageData(poseImage(seen, { width, height }), 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  await board.sendMade("pose", blob, figures);
}

const change = (board, place, deed) => put(board, list(board).map((figure, number) => (number === place ? deed(figure) : figure)));

function add(board) {
  const figures = list(board);
  board.selected = figures.length;
  put(board, [...figures, standing(PLACES[figures.length % PLACES.length], board.sheet)]);
}

function dragging(board, place, deed) {
  board.kept ??= list(board);
  board.draft.pose = board.kept.map((figure, number) => (number === place ? deed(figure) : figure));
  board.onChange();
}

const ends = (board) => ({
  drop: () => {
    if (board.kept && board.draft.pose) put(board, board.draft.pose);
    board.kept = null;
  },
  leave: () => {
    board.kept = null;
    delete board.draft.pose;
    board.onChange();
  },
});

function Joint({ board, place, joint, figure, at, chosen, scale }) {
  const { sheet } = board;
  const [x, y] = at(figure[joint]);
  const to = (old, dx, dy) => withJoint(old, joint, [old[joint][0] + dx / sheet.width, old[joint][1] + dy / sheet.height]);
  const pace = (event) => (event.shiftKey ? PACE * 5 : PACE);
  const per = figure[joint].map((each) => Math.round(each * 100));
  const hide = () => change(board, place, (old) => withJoint(old, joint, null));
  const props = grip({
    label: `${JOINTS[joint]} of figure ${place + 1}`, says: `${per[0]} per cent from the left, ${per[1]} from the top`, scale,
    drag: (dx, dy) => dragging(board, place, (old) => to(old, dx, dy)),
    nudge: (dx, dy, event) =>
      change(board, place, (old) => withJoint(old, joint, [old[joint][0] + dx * pace(event), old[joint][1] + dy * pace(event)])),
    keys: { Delete: hide, Backspace: hide },
    onFocus: () => board.selected === place || ((board.selected = place), board.onChange()),
    ...ends(board),
  });
  return html`<g class="joint ${chosen ? "current" : ""}" ...${props}>
    <title>${JOINTS[joint]}</title>
    <circle class="reach" cx=${x} cy=${y} r="14" /><circle class="knob" cx=${x} cy=${y} r=${joint > 13 ? 4 : 6} fill="rgb(${COLOURS[joint].join(",")})" />
  </g>`;
}

function Figure({ board, view, figure, place }) {
  const { sheet } = board;
  const at = ([x, y]) => [view.left + x * sheet.width * view.scale, view.top + y * sheet.height * view.scale];
  const chosen = place === chosenOf(board);
  const limbs = LIMBS.map(([a, b], number) => {
    if (!figure[a] || !figure[b]) return null;
    const [[x1, y1], [x2, y2]] = [at(figure[a]), at(figure[b])];
    return html`<line key=${number} x1=${x1} y1=${y1} x2=${x2} y2=${y2} stroke="rgb(${COLOURS[number].join(",")})" />`;
  });
  const seen = figure.filter(Boolean).map(at);
  const props = grip({
    label: `figure ${place + 1}`, scale: view.scale,
    drag: (dx, dy) => dragging(board, place, (old) => carried(old, dx / sheet.width, dy / sheet.height)),
    nudge: (dx, dy, event) => {
      const pace = event.shiftKey ? PACE * 5 : PACE;
      change(board, place, (old) => carried(old, dx * pace, dy * pace));
    },
    keys: { Delete: () => put(board, without(list(board), place)) },
    onFocus: () => board.selected === place || ((board.selected = place), board.onChange()),
    ...ends(board),
  });
  const [left, right] = [Math.min(...seen.map((p) => p[0])), Math.max(...seen.map((p) => p[0]))];
  const [top, bottom] = [Math.min(...seen.map((p) => p[1])), Math.max(...seen.map((p) => p[1]))];
  return html`<g class="figure ${chosen ? "current" : ""}">
    ${seen.length ? html`<rect class="body" x=${left - 14} y=${top - 14} width=${right - left + 28} height=${bottom - top + 28} rx="10" ...${props} />` : null}
    <g class="limbs">${limbs}</g>
    ${figure.map((point, joint) => point && html`<${Joint} key=${joint} ...${{ board, place, joint, figure, at, chosen, scale: view.scale }} />`)}
  </g>`;
}

const Handles = ({ board, view }) =>
  list(board).map((figure, place) => html`<${Figure} key=${place} ...${{ board, view, figure, place }} />`);

function Panel({ board }) {
  const figures = list(board);
  const place = chosenOf(board);
  const figure = figures[place];
  const on = (deed) => () => change(board, place, deed);
  return html`
    <button type="button" class="plain" disabled=${figures.length >= MOST} onClick=${() => add(board)}>${figures.length ? "Add another figure" : "Add a figure"}</button>
    ${figures.length > 1 ? html`<${Chips} label="Figure" value=${place} options=${figures.map((_, number) => [number, `Figure ${number + 1}`])}
      onChange=${(number) => ((board.selected = number), board.onChange())} />` : null}
    ${figure ? html`
      <div class="row">
        <${Tool} icon="mirror" label="Mirror" onClick=${on(mirrored)} />
        <${Tool} icon="minus" label="Smaller" onClick=${on((old) => scaled(old, 1 / 1.15))} />
        <${Tool} icon="plus" label="Larger" onClick=${on((old) => scaled(old, 1.15))} />
        <${Tool} icon="undo" label="Stand straight" onClick=${on(() => standing(PLACES[place % PLACES.length], board.sheet))} />
        <${Tool} icon="trash" label="Remove the figure" onClick=${() => put(board, without(figures, place))} />
      </div>
      <${Joints} board=${board} place=${place} figure=${figure} />` : null}
    <${Follow} board=${board} by="pose" what="figures" />
  `;
}

function Joints({ board, place, figure }) {
  return html`<details class="more"><summary>Joints that are seen</summary>
    <div class="chips" role="group" aria-label="Joints that are seen">
      ${JOINTS.map((name, joint) => html`<button type="button" class="chip" key=${name} aria-pressed=${String(Boolean(figure[joint]))}
        onClick=${() => change(board, place, (old) => (old[joint] ? withJoint(old, joint, null) : shown(old, joint, board.sheet)))}>${name}</button>`)}
    </div>
    <p class="hint">Right and left are the figure's own. Hide what is behind something, or out of the picture.</p>
  </details>`;
}

export const pose = {
  name: "pose", title: "Pose", icon: "pose", Panel, Handles,
  why: (board) => unread(board.able, "pose", board.name),
  says: (board) => `The sheet with ${list(board).length} stick figures.`,
  keys: "Tab goes to the figures and their joints; arrow keys move them, with shift faster; Delete hides a joint or removes a figure.",
  lead: "Drag the joints until the figure stands as you mean it.",
  history: (board) => board.histories.pose,
  dims: () => 0.4,
  paper: "#1b1917", // the colours are made for black
};
