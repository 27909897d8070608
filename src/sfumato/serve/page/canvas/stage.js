// The sheet on the screen: layers painted on one canvas, handles over them, and pointer, touch and keys.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../h.js";
import { Tool } from "../ui/controls.js";
import { pressure } from "./brush.js";
import { grows } from "./frame.js";
import { clamped, fit, moved, toSheet, zoomed } from "./view.js";

const SQUARE = 10; // CSS pixels of the ground's squares
const CLOSER = 1.25;
const NUDGE = 24; // CSS pixels that a key moves the sheet

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function useRoom(frame) {
  const [room, setRoom] = useState(null);
  useLayoutEffect(() => {
    const look = () => {
      const { clientWidth: width, clientHeight: height } = frame.current;
      setRoom((old) => (old?.width === width && old?.height === height ? old : { width, height }));
    };
    look();
    const watcher = new ResizeObserver(look);
    watcher.observe(frame.current);
    return () => watcher.disconnect();
  }, []);
  return room;
}

// Squares where the model is to go on beyond the picture, plain paper where nothing is drawn yet.
function ground(context, width, height, { paper, plain }) {
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  if (plain) return;
  context.fillStyle = "rgb(128 112 96 / .16)";
  for (let row = 0; row * SQUARE < height; row += 1) {
    for (let column = row % 2; column * SQUARE < width; column += 2) {
      const [x, y] = [column * SQUARE, row * SQUARE];
      context.fillRect(x, y, Math.min(SQUARE, width - x), Math.min(SQUARE, height - y));
    }
  }
}

function paint(canvas, { board, tool, view, room }) {
  const density = devicePixelRatio || 1;
  const [wide, high] = [Math.round(room.width * density), Math.round(room.height * density)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  const { sheet, place, base } = board;
  const [width, height] = [sheet.width * view.scale, sheet.height * view.scale];
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, room.width, room.height);
  context.save();
  context.translate(view.left, view.top);
  context.beginPath();
  context.rect(0, 0, width, height);
  context.clip();
  const paper = tool.paper ?? (isDark(canvas) ? "#ddd6cb" : "#ffffff");
  ground(context, width, height, { paper, plain: !board.lying || !grows(board.outpaint) });
  context.scale(view.scale, view.scale);
  context.imageSmoothingQuality = "high";
  context.imageSmoothingEnabled = view.scale < 12; // nearer than that, one wants to see the pixels
  if (base) {
    context.globalAlpha = tool.dims?.(board) ?? 1;
    context.drawImage(base.image, place.left, place.top, place.width, place.height);
    context.globalAlpha = 1;
  }
  tool.paint?.(context, board, view);
  context.restore();
}

const isDark = (element) => {
  const [red] = getComputedStyle(element).color.match(/\d+/g).map(Number);
  return red > 128; // light ink: a dark page
};

// `pointers`: how two fingers move the sheet, and one draws on it.
function useFingers({ view, setView, board, tool, surface }) {
  const fingers = useRef(new Map());
  const drawing = useRef(null);
  const local = (event) => {
    const box = surface.current.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const at = (event) => ({ ...toSheet(view, local(event).x, local(event).y), pressure: pressure(event) });

  const down = (event) => {
    if (event.target.closest("[data-handle]") || event.button === 2) return;
    surface.current.setPointerCapture(event.pointerId);
    fingers.current.set(event.pointerId, local(event));
    if (fingers.current.size > 1) {
      if (drawing.current === "tool") tool.cancel?.(board);
      drawing.current = "view";
    } else if (event.button === 1 || !tool.down) {
      drawing.current = "view";
    } else {
      drawing.current = "tool";
      board.cursor = null;
      tool.down(board, at(event), event);
    }
    board.onPaint();
  };

  const move = (event) => {
    const before = fingers.current.get(event.pointerId);
    if (!before) return;
    const here = local(event);
    if (drawing.current === "tool") {
      const each = event.getCoalescedEvents?.() ?? [];
      for (const part of each.length ? each : [event]) tool.move?.(board, at(part), part);
      board.onPaint();
      return;
    }
    const others = [...fingers.current].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    fingers.current.set(event.pointerId, here);
    if (!others.length) return setView((old) => moved(old, here.x - before.x, here.y - before.y, board.sheet, board.room));
    const [other] = others;
    const apart = (place) => Math.hypot(place.x - other.x, place.y - other.y);
    const middle = { x: (here.x + other.x) / 2, y: (here.y + other.y) / 2 };
    setView((old) => {
      const near = zoomed(old, apart(here) / Math.max(apart(before), 1), middle);
      return moved(near, (here.x - before.x) / 2, (here.y - before.y) / 2, board.sheet, board.room);
    });
  };

  const up = (event) => {
    if (!fingers.current.delete(event.pointerId)) return;
    if (drawing.current === "tool") {
      if (event.type === "pointercancel") tool.cancel?.(board);
      else tool.up?.(board, at(event), event);
      board.onChange();
    }
    if (!fingers.current.size) drawing.current = null;
  };
  return { onPointerDown: down, onPointerMove: move, onPointerUp: up, onPointerCancel: up };
}

// The arrow keys move a cross on the sheet, with which every tool can draw.
function useCross({ board, tool, setView }) {
  return (event) => {
    if (event.target !== event.currentTarget || event.altKey || event.metaKey || event.ctrlKey) return;
    const step = ARROWS[event.key];
    const { sheet } = board;
    if (step && !tool.cross) {
      setView((old) => moved(old, step[0] * NUDGE, step[1] * NUDGE, board.sheet, board.room));
    } else if (step) {
      const pace = (event.shiftKey ? 0.1 : 0.02) * Math.min(sheet.width, sheet.height);
      const old = board.cursor ?? { x: sheet.width / 2, y: sheet.height / 2, down: false };
      board.cursor = {
        ...old,
        x: clamped(old.x + step[0] * pace, 0, sheet.width),
        y: clamped(old.y + step[1] * pace, 0, sheet.height),
      };
      if (old.down) tool.move?.(board, { ...board.cursor, pressure: 1 }, event);
    } else if ((event.key === " " || event.key === "Enter") && tool.cross) {
      const place = board.cursor ?? { x: sheet.width / 2, y: sheet.height / 2, down: false };
      board.cursor = { ...place, down: !place.down };
      if (place.down) tool.up?.(board, { ...place, pressure: 1 }, event);
      else tool.down?.(board, { ...place, pressure: 1 }, event);
    } else if (event.key === "Escape" && board.cursor) {
      if (board.cursor.down) tool.cancel?.(board);
      board.cursor = null;
    } else return;
    event.preventDefault();
    event.stopPropagation();
    board.onChange();
  };
}

function Cross({ board, view }) {
  if (!board.cursor) return null;
  const { x, y, down } = board.cursor;
  const [left, top] = [view.left + x * view.scale, view.top + y * view.scale];
  return html`<g class="cross ${down ? "down" : ""}" aria-hidden="true">
    <circle cx=${left} cy=${top} r="9" /><path d="M${left - 16} ${top}h10 M${left + 6} ${top}h10 M${left} ${top - 16}v10 M${left} ${top + 6}v10" />
  </g>`;
}

// A ring where the pointer would paint, as wide as it would; moved past Preact, as often as the pointer moves.
function useRing({ frame, ring, tool, board, view }) {
  return {
    onPointerLeave: () => ring.current?.setAttribute("visibility", "hidden"),
    onPointerEnter: (event) => follow(event),
    follow,
  };
  function follow(event) {
    if (!ring.current || !tool.size) return;
    const box = frame.current.getBoundingClientRect();
    ring.current.setAttribute("visibility", event.pointerType === "touch" ? "hidden" : "visible");
    ring.current.setAttribute("cx", event.clientX - box.left);
    ring.current.setAttribute("cy", event.clientY - box.top);
    ring.current.setAttribute("r", Math.max((tool.size(board) / 2) * view.scale, 2));
  }
}

// While the frame is dragged the picture stays where it is, though the sheet grows.
function following(held, board, view) {
  if (!board.draft.outpaint || !view) {
    held.current = null;
    return view;
  }
  held.current ??= { view: board.view, framed: board.framed };
  const { view: first, framed } = held.current;
  const [left, above] = [0, 1].map((side) => (board.outpaint[side] - framed[side]) * first.scale);
  return { scale: first.scale, left: first.left - left, top: first.top - above };
}

// `over` lies on the sheet; `before` and `after` stand in the bar below it, beside the zoom.
export function Stage({ board, tool, tick, over, before, after }) {
  const frame = useRef();
  const canvas = useRef();
  const room = useRoom(frame);
  const [chosen, setChosen] = useState(null); // null: as large as fits
  const { sheet } = board;
  const best = room && fit(sheet, room, Math.min(room.width, room.height) * (tool.margin ?? 0.04));
  const held = useRef(null);
  const view = following(held, board, chosen ?? best);
  board.room = room;
  if (!board.draft.outpaint) board.view = view;
  const setView = (next) => setChosen((old) => next(old ?? best));
  const fingers = useFingers({ view, setView, board, tool, surface: frame });
  const ring = useRef();
  const { follow, ...entering } = useRing({ frame, ring, tool, board, view });
  const { onPointerMove, ...presses } = fingers;
  const keys = useCross({ board, tool, setView });
  const scene = useRef();
  scene.current = room && { board, tool, view, room };

  useEffect(() => {
    let asked = 0;
    const now = () => {
      asked = 0;
      if (scene.current && canvas.current) paint(canvas.current, scene.current);
    };
    board.repaint = () => (asked ||= requestAnimationFrame(now));
    return () => cancelAnimationFrame(asked);
  }, [board]);
  useLayoutEffect(() => {
    if (scene.current) paint(canvas.current, scene.current);
  }, [view?.scale, view?.left, view?.top, room, tool, tick]);
  useEffect(() => setChosen(null), [sheet.width > sheet.height, board.base?.digest]);
  useEffect(() => {
    const wheel = (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // a bare wheel scrolls the page, as everywhere
      event.preventDefault();
      const box = frame.current.getBoundingClientRect();
      const about = { x: event.clientX - box.left, y: event.clientY - box.top };
      setChosen((old) => zoomed(old ?? fit(board.sheet, board.room), Math.exp(-event.deltaY / 300), about));
    };
    frame.current.addEventListener("wheel", wheel, { passive: false });
    return () => frame.current?.removeEventListener("wheel", wheel);
  }, []);

  const middle = room && { x: room.width / 2, y: room.height / 2 };
  const { Handles } = tool;
  return html`
    <div class="canvas-view">
      <div class="sheet-frame" ref=${frame} tabindex="0" role="application" aria-roledescription="canvas"
        aria-label=${tool.says(board)} aria-describedby="stage-keys" data-tool=${tool.name} ...${presses} ...${entering}
        onPointerMove=${(event) => (follow(event), onPointerMove(event))} onKeyDown=${keys} onContextMenu=${(event) => event.preventDefault()}>
        <canvas ref=${canvas} aria-hidden="true" />
        ${view ? html`<svg class="handles" width=${room.width} height=${room.height}>
          ${Handles ? html`<${Handles} board=${board} view=${view} />` : null}
          ${tool.size ? html`<circle ref=${ring} class="brush-ring" visibility="hidden" aria-hidden="true" />` : null}
          <${Cross} board=${board} view=${view} />
        </svg>` : null}
      </div>
      <p class="hidden-words" id="stage-keys">${tool.keys}</p>
      ${over}
    </div>
    <div class="canvas-bar">
      ${before}
      <span class="zoom" role="group" aria-label="Zoom">
        <${Tool} icon="minus" label="Farther" bare onClick=${() => setView((old) => zoomed(old, 1 / CLOSER, middle))} />
        <button type="button" class="tool" onClick=${() => setChosen(null)} title="Zoom to fit"
          aria-label="Zoom to fit, now ${view ? Math.round(view.scale * 100) : 100} per cent">${view ? Math.round(view.scale * 100) : 100} %</button>
        <${Tool} icon="plus" label="Nearer" bare onClick=${() => setView((old) => zoomed(old, CLOSER, middle))} />
      </span>
      ${after}
    </div>
  `;
}
