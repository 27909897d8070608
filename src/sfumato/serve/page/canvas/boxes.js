// Boxes in shares of the picture: [left, top, width, height], as a wish's regions and a layout have them.

import { clamped } from "./view.js";

export const LEAST = 0.02;

// The handles of a box, and how a move of each changes left, top, right and bottom.
export const CORNERS = {
  "upper left": [1, 1, 0, 0],
  top: [0, 1, 0, 0],
  "upper right": [0, 1, 1, 0],
  "right side": [0, 0, 1, 0],
  "lower right": [0, 0, 1, 1],
  bottom: [0, 0, 0, 1],
  "lower left": [1, 0, 0, 1],
  "left side": [1, 0, 0, 0],
};

const round = (share) => Math.round(share * 1000) / 1000;

const box = (left, top, right, bottom) => [round(left), round(top), round(right - left), round(bottom - top)];

export function moved([left, top, width, height], dx, dy) {
  return [round(clamped(left + dx, 0, 1 - width)), round(clamped(top + dy, 0, 1 - height)), width, height];
}

// A box whose handle was moved; it does not turn over, and stays in the picture.
export function resized([left, top, width, height], handle, dx, dy) {
  const [west, north, east, south] = CORNERS[handle];
  const right = left + width;
  const bottom = top + height;
  return box(
    west ? clamped(left + dx, 0, right - LEAST) : left,
    north ? clamped(top + dy, 0, bottom - LEAST) : top,
    east ? clamped(right + dx, left + LEAST, 1) : right,
    south ? clamped(bottom + dy, top + LEAST, 1) : bottom,
  );
}

// The box between two places, or null where it is too small to be meant.
export function spanned(from, to) {
  const [left, right] = [from.x, to.x].map((x) => clamped(x, 0, 1)).sort((a, b) => a - b);
  const [top, bottom] = [from.y, to.y].map((y) => clamped(y, 0, 1)).sort((a, b) => a - b);
  return right - left < LEAST || bottom - top < LEAST ? null : box(left, top, right, bottom);
}

// A place for one more: beside the others where there is room.
export function spare(boxes) {
  const places = [
    [0.05, 0.25, 0.4, 0.5],
    [0.55, 0.25, 0.4, 0.5],
    [0.3, 0.05, 0.4, 0.4],
    [0.3, 0.55, 0.4, 0.4],
  ];
  const taken = (place) => boxes.some((each) => overlap(each, place) > 0.2);
  return places.find((place) => !taken(place)) ?? [0.3, 0.3, 0.4, 0.4];
}

// The shared share of the smaller one.
function overlap(one, other) {
  const along = (a, b, axis) =>
    Math.max(Math.min(a[axis] + a[axis + 2], b[axis] + b[axis + 2]) - Math.max(a[axis], b[axis]), 0);
  const area = (each) => each[2] * each[3];
  return (along(one, other, 0) * along(one, other, 1)) / Math.min(area(one), area(other));
}

// One number of a box set by hand, as per cent: place 0 left, 1 top, 2 width, 3 height.
export function withNumber(given, place, percent) {
  const share = round(percent / 100);
  const [left, top, width, height] = given;
  if (place === 0) return [clamped(share, 0, 1 - width), top, width, height].map(round);
  if (place === 1) return [left, clamped(share, 0, 1 - height), width, height].map(round);
  if (place === 2) return [left, top, clamped(share, LEAST, 1 - left), height].map(round);
  return [left, top, width, clamped(share, LEAST, 1 - top)].map(round);
}

// The colours of a layout, by the order of its boxes: those of conditions/layout.py.
export const LAYOUT_COLOURS = {
  red: [255, 0, 0],
  green: [0, 255, 0],
  blue: [0, 0, 255],
  yellow: [255, 255, 0],
  magenta: [255, 0, 255],
  cyan: [0, 255, 255],
  white: [255, 255, 255],
  orange: [255, 128, 0],
};

// A layout as conditions/layout.py draws it, on a 2D context of the picture's size.
export function paintLayout(context, boxes, { width, height }) {
  const edge = (share, all) => clamped(Math.round(share * all), 0, all);
  const colours = Object.values(LAYOUT_COLOURS);
  context.fillStyle = "black";
  context.fillRect(0, 0, width, height);
  for (const [number, [left, top, wide, high]] of boxes.entries()) {
    const [x, y] = [Math.min(edge(left, width), width - 1), Math.min(edge(top, height), height - 1)];
    const [right, bottom] = [Math.max(edge(left + wide, width), x + 1), Math.max(edge(top + high, height), y + 1)];
    context.fillStyle = `rgb(${colours[number].join(",")})`;
    context.fillRect(x, y, right - x, bottom - y);
  }
}
