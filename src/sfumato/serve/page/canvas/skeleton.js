// Stick figures in the colours of OpenPose, as conditions/pose.py draws them. Points are shares of the picture.

import { clamped } from "./view.js";

export const JOINTS = [
  "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow",
  "left wrist", "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
  "right eye", "left eye", "right ear", "left ear",
];

// Pairs of joints, in the order in which they are drawn, a colour each.
export const LIMBS = [
  [1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [1, 11], [11, 12], [12, 13],
  [1, 0], [0, 14], [14, 16], [0, 15], [15, 17],
];

export const COLOURS = [
  [255, 0, 0], [255, 85, 0], [255, 170, 0], [255, 255, 0], [170, 255, 0], [85, 255, 0],
  [0, 255, 0], [0, 255, 85], [0, 255, 170], [0, 255, 255], [0, 170, 255], [0, 85, 255],
  [0, 0, 255], [85, 0, 255], [170, 0, 255], [255, 0, 255], [255, 0, 170], [255, 0, 85],
];

export const STICK = 4; // pixels of the drawing: half a limb's width, and a joint's radius
const DIMMED = 0.6;

// Someone who stands and looks at us; their right is our left. Height 1, about the middle between the hips.
const STANDING = [
  [0, -0.43], [0, -0.33], [-0.09, -0.33], [-0.13, -0.18], [-0.14, -0.03], [0.09, -0.33], [0.13, -0.18],
  [0.14, -0.03], [-0.055, 0], [-0.06, 0.22], [-0.065, 0.44], [0.055, 0], [0.06, 0.22], [0.065, 0.44],
  [-0.024, -0.455], [0.024, -0.455], [-0.055, -0.44], [0.055, -0.44],
];

const HEIGHT = 0.84; // of the picture

// A figure that stands at a share of the width; as broad as it should be in a picture of that shape.
export function standing(across, { width, height }) {
  const shape = height / width;
  return STANDING.map(([x, y]) => place([across + x * HEIGHT * shape, 0.5 + y * HEIGHT]));
}

const place = ([x, y]) => [Math.round(x * 10000) / 10000, Math.round(y * 10000) / 10000];

// A joint put somewhere in the picture, or hidden with null.
export const withJoint = (figure, joint, point) =>
  figure.map((each, number) => (number === joint ? point && place(point.map((share) => clamped(share, 0, 1))) : each));

// A joint shown again: between the joints that it hangs from and that hang from it, or where it stands at first.
export function shown(figure, joint, sheet) {
  const near = LIMBS.filter((pair) => pair.includes(joint))
    .map(([a, b]) => figure[a === joint ? b : a])
    .filter(Boolean);
  const mean = (axis) => near.reduce((sum, point) => sum + point[axis], 0) / near.length;
  return withJoint(figure, joint, near.length > 1 ? [mean(0), mean(1)] : standing(0.5, sheet)[joint]);
}

// The whole figure moved, as far as all of it stays in the picture.
export function carried(figure, dx, dy) {
  const seen = figure.filter(Boolean);
  if (!seen.length) return figure;
  const bounded = (move, axis) => {
    const [least, most] = [Math.min(...seen.map((p) => p[axis])), Math.max(...seen.map((p) => p[axis]))];
    return clamped(move, Math.min(-least, 0), Math.max(1 - most, 0));
  };
  const [x, y] = [bounded(dx, 0), bounded(dy, 1)];
  return figure.map((point) => point && place([point[0] + x, point[1] + y]));
}

const OTHER = JOINTS.map((name) => {
  const twin = name.startsWith("left") ? name.replace("left", "right") : name.replace("right", "left");
  return JOINTS.indexOf(twin);
});

// The figure as a mirror shows it: it still looks at us, so right and left change names too.
export function mirrored(figure) {
  const xs = figure.filter(Boolean).map((point) => point[0]);
  const sum = Math.min(...xs) + Math.max(...xs);
  return OTHER.map((twin) => figure[twin] && place([sum - figure[twin][0], figure[twin][1]]));
}

// Larger or smaller about its own middle.
export function scaled(figure, factor) {
  const seen = figure.filter(Boolean);
  const middle = (axis) => (Math.min(...seen.map((p) => p[axis])) + Math.max(...seen.map((p) => p[axis]))) / 2;
  const [x, y] = [middle(0), middle(1)];
  return figure.map(
    (point) => point && place([x + (point[0] - x) * factor, y + (point[1] - y) * factor].map((s) => clamped(s, 0, 1))),
  );
}

// The figures on black, as ImageData: no smoothed rims, as controls were trained.
export function poseImage(figures, { width, height }, stick = STICK) {
  const image = new ImageData(width, height);
  for (let at = 3; at < image.data.length; at += 4) image.data[at] = 255;
  const people = figures.map((figure) => figure.map((point) => point && [point[0] * width, point[1] * height]));
  LIMBS.forEach(([start, end], number) => {
    const colour = COLOURS[number].map((part) => Math.trunc(DIMMED * part));
    for (const person of people) {
      if (person[start] && person[end]) fillLimb(image, person[start], person[end], stick, colour);
    }
  });
  COLOURS.forEach((colour, joint) => {
    for (const person of people) {
      if (!person[joint]) continue;
      fillDisc(image, ...person[joint].map(Math.trunc), stick, colour);
    }
  });
  return image;
}

function fillLimb(image, here, there, stick, colour) {
  const half = Math.trunc(Math.hypot(here[0] - there[0], here[1] - there[1]) / 2);
  const turn = Math.atan2(there[1] - here[1], there[0] - here[0]);
  const [x, y] = [0, 1].map((axis) => Math.trunc((here[axis] + there[axis]) / 2));
  const [along, across] = [Math.cos(turn), Math.sin(turn)];
  const corners = Array.from({ length: 360 }, (_, degree) => {
    const angle = (degree * Math.PI) / 180;
    const [a, b] = [half * Math.cos(angle), stick * Math.sin(angle)];
    // whole pixels, as Pillow has the corners of polygons
    return [x + a * along - b * across, y + a * across + b * along].map(Math.trunc);
  });
  fillRound(image, corners, colour);
}

// A round shape by its corners: in every row all from its first to its last pixel.
function fillRound({ data, width, height }, corners, colour) {
  const rows = new Map();
  const seen = (row, column) => {
    const [first, last] = rows.get(row) ?? [Infinity, -Infinity];
    rows.set(row, [Math.min(first, column), Math.max(last, column)]);
  };
  corners.forEach(([x, y], number) => {
    const [nextX, nextY] = corners[(number + 1) % corners.length];
    seen(y, x);
    const step = Math.sign(nextY - y);
    for (let row = y + step; step && row !== nextY; row += step) seen(row, x + ((row - y) * (nextX - x)) / (nextY - y));
  });
  for (const [row, [first, last]] of rows) {
    if (row < 0 || row >= height) continue;
    const end = Math.min(Math.ceil(last - 0.5), width - 1);
    for (let column = Math.max(Math.floor(first + 0.5), 0); column <= end; column += 1) data.set(colour, (row * width + column) * 4);
  }
}

const ROUNDED = 0.3; // of a pixel: a disc's rim, where Pillow draws it

function fillDisc({ data, width, height }, x, y, radius, colour) {
  for (let row = Math.max(y - radius, 0); row <= Math.min(y + radius, height - 1); row += 1) {
    for (let column = Math.max(x - radius, 0); column <= Math.min(x + radius, width - 1); column += 1) {
      if (Math.hypot(column - x, row - y) <= radius + ROUNDED) data.set(colour, (row * width + column) * 4);
    }
  }
}
