// The frame about a picture: how far it reaches beyond it, in steps that the model can draw.
//
// `sides` are pixels added left, above, right and below, as a wish has them; negative ones crop. A `rule` is
// what sizes the model draws: sides of the whole are multiples of `step` from `least` to `most`.

import { clamped } from "./view.js";

export const NONE = [0, 0, 0, 0];
export const SIDES = ["left", "above", "right", "below"];
const KEPT = 8; // pixels of the picture that stay, however much is cropped

// The handles, and which of the sides each of them moves.
export const HANDLES = {
  "left edge": [0],
  "upper edge": [1],
  "right edge": [2],
  "lower edge": [3],
  "upper left corner": [0, 1],
  "upper right corner": [2, 1],
  "lower right corner": [2, 3],
  "lower left corner": [0, 3],
};

export const whole = (picture, sides) => ({
  width: picture.width + sides[0] + sides[2],
  height: picture.height + sides[1] + sides[3],
});

export const grows = (sides) => sides.some((side) => side !== 0);

// The nearest length that the model can draw.
export function drawable(length, { step = 1, least = 1, most = Infinity } = {}) {
  const first = Math.ceil(least / step) * step;
  const last = Math.floor(most / step) * step;
  return clamped(Math.round(length / step) * step, first, last);
}

// One side set to about so many pixels: the whole keeps to the rule, and some of the picture stays.
export function withSide(picture, sides, side, pixels, rule) {
  const across = side % 2 === 0;
  const own = across ? picture.width : picture.height;
  const other = sides[(side + 2) % 4];
  const step = rule?.step ?? 1;
  const least = Math.max(rule?.least ?? 1, KEPT + Math.max(other, 0));
  const kept = own + Math.min(other, 0) - KEPT; // as much as this side may crop
  let length = drawable(own + other + Math.max(pixels, -kept), { ...rule, least });
  while (length - own - other < -kept) length += step;
  return sides.map((each, place) => (place === side ? length - own - other : each));
}

// The sides after a handle was dragged by so many sheet pixels.
export function dragged(picture, sides, handle, dx, dy, rule) {
  const away = [-dx, -dy, dx, dy];
  return HANDLES[handle].reduce(
    (found, side) => withSide(picture, found, side, sides[side] + away[side], rule),
    sides,
  );
}

// The sides after an arrow key on a handle: one step of the rule, outwards or inwards.
export function stepped(picture, sides, handle, key, rule) {
  const step = rule?.step ?? 8;
  const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[key];
  return dragged(picture, sides, handle, dx, dy, rule);
}
