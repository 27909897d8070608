// What is dragged on the stage: by pointer and touch, and by arrow keys when it has the focus.
//
// `drag(dx, dy)` is told the whole way in sheet pixels since the press; `drop()` ends it, `leave()` takes it
// back. `nudge(dx, dy, event)` is told the direction of an arrow key. Returns the props of an SVG element.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function grip({ label, role = "button", says, scale, drag, drop, leave, nudge, keys = {}, onFocus }) {
  let from = null;
  const down = (event) => {
    if (event.button) return;
    event.stopPropagation();
    const element = event.currentTarget;
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    from = { x: event.clientX, y: event.clientY };
    const move = (each) => drag?.((each.clientX - from.x) / scale, (each.clientY - from.y) / scale);
    const up = (each) => {
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      if (each.type === "pointerup") drop?.();
      else leave?.();
    };
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
  };
  const key = (event) => {
    const arrow = ARROWS[event.key];
    if (arrow && nudge) nudge(...arrow, event);
    else if (keys[event.key]) keys[event.key](event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return {
    "data-handle": label,
    tabindex: 0,
    role,
    "aria-label": says ? `${label}, ${says}` : label,
    onPointerDown: down,
    onKeyDown: key,
    onFocus,
  };
}
