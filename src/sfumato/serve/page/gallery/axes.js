// What an axis of a sheet may vary: how its values are read from text, and what each makes of a wish.
export const MOST = 64; // pictures of one sheet: more than that belongs to the command line, `sfumato grid`

const number = (text) => {
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) throw new Error(`${text || "nothing"} is no number`);
  return value;
};
const whole = (text) => {
  if (!/^\d+$/.test(text)) throw new Error(`${text || "nothing"} is no whole number`);
  return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
};
const numberOrName = (text) => (/^[-+.\d]/.test(text) ? number(text) : text);
const size = (text) => {
  const [, width, height] = /^(\d+)\s*[x×]\s*(\d+)$/i.exec(text) ?? [];
  if (!width) throw new Error(`${text} is no size: write 160x128`);
  return [Number(width), Number(height)];
};

// `example` is shown in the empty box; `put` gives the changes to a wish.
export const AXES = {
  seed: { label: "Seed", example: "1-4, 7", read: whole, put: (seed) => ({ seed }), ranges: true },
  steps: { label: "Steps", example: "4, 8, 16, 24", read: whole, put: (steps) => ({ steps }), ranges: true },
  guidance: { label: "Guidance", example: "2, 4, 8, apg(6)", read: numberOrName, put: (guidance) => ({ guidance }) },
  sampler: { label: "Sampler", example: "euler, dpmpp_2m, heun", known: ["/v1/samplers", "samplers"], put: (sampler) => ({ sampler }) },
  levels: { label: "Levels", example: "uniform, karras", known: ["/v1/levels", "levels"], put: (levels) => ({ levels }) },
  styles: { label: "Style", example: "watercolor, pixel-art", known: ["/v1/styles", "styles"], put: (style) => ({ styles: [style] }) },
  words: {
    label: "Words", example: "red, blue, green", // the first is sought in the sentence, all take its place in turn
    put(word, wish, [first]) {
      if (!wish.prompt.includes(first)) throw new Error(`the sentence does not say “${first}”, which is to be replaced`);
      return { prompt: wish.prompt.replaceAll(first, word) };
    },
  },
  strength: { label: "Strength", example: "0.3, 0.5, 0.7", read: number, put: (strength) => ({ strength }) },
  clip_skip: { label: "Clip skip", example: "1, 2", read: whole, put: (skip) => ({ clip_skip: skip }) },
  size: { label: "Size", example: "128x128, 160x96", read: size, put: (sides) => ({ size: sides }) },
  model: { label: "Model", example: "world", known: ["/v1/models", "models"], put: (model) => ({ model }) },
};

// Between commas, but not inside brackets: "karras(rho=5), uniform".
const parts = (text) => text.split(/,(?![^(]*\))/).map((each) => each.trim()).filter(Boolean);

function ranged(text) {
  const [, from, to] = /^(\d+)\s*-\s*(\d+)$/.exec(text) ?? [];
  if (from === undefined) return [text];
  if (Number(to) < Number(from) || to - from >= MOST) throw new Error(`${text}: a range goes up, by ${MOST} at most`);
  return Array.from({ length: to - from + 1 }, (_, index) => String(Number(from) + index));
}

// The values of an axis as [text, value]. Throws an Error that names the one that cannot be read.
export function valuesOf({ name, text }) {
  const axis = AXES[name];
  if (!axis) return [["", null]];
  const texts = [...new Set(parts(text).flatMap((each) => (axis.ranges ? ranged(each) : [each])))];
  if (!texts.length) throw new Error(`${axis.label} has no values: write some, such as ${axis.example}`);
  return texts.map((each) => [each, axis.read ? axis.read(each) : each]);
}

// The wishes of a sheet, row by row: {row, column, wish}. Throws an Error with the way out.
export function cellsOf(wish, { x, y }) {
  const [columns, rows] = [valuesOf(x), valuesOf(y)];
  if (x.name === y.name) throw new Error("Both axes vary the same: choose another for one of them");
  if (columns.length * rows.length > MOST) throw new Error(`${columns.length * rows.length} pictures: ${MOST} are the most of a sheet`);
  const put = (axis, [, value], from, all) => (AXES[axis.name] ? { ...from, ...AXES[axis.name].put(value, from, all.map(([, each]) => each)) } : from);
  return rows.flatMap((down, row) =>
    columns.map((across, column) => ({ row, column, wish: put(x, across, put(y, down, wish, rows), columns) })),
  );
}
