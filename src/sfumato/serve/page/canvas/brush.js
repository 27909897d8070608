// A stroke of a brush as round dabs, and how a dab is laid on a gray bitmap.
//
// Dabs lighten (or, erasing, darken) what is there: soft dabs of one stroke do not add up to a hard one, and
// going over a place twice changes nothing.

const SPACING = 0.12; // of a dab's width
const LIGHTEST = 0.25; // of the width, at no pressure

// Where the dabs of a stroke lie: {x, y, radius}, evenly along a curve through the pointer's places.
export class Stroke {
  #last = null;
  #middle = null;
  #carried = 0; // of the way since the last dab

  constructor(size) {
    this.size = size;
  }

  // The dabs up to half way to this place: the rest follows when the next place is known.
  to(x, y, pressure = 1) {
    const here = { x, y, pressure };
    if (!this.#last) {
      this.#last = this.#middle = here;
      return [this.#dab(here)];
    }
    const middle = between(this.#last, here, 0.5);
    const found = this.#along(this.#middle, this.#last, middle);
    this.#middle = middle;
    this.#last = here;
    return found;
  }

  // The dabs that are left when the pointer is lifted.
  end() {
    return this.#last && this.#middle !== this.#last ? this.#along(this.#middle, this.#last, this.#last) : [];
  }

  #along(from, bend, to) {
    const length = distance(from, bend) + distance(bend, to);
    const found = [];
    const parts = Math.max(Math.ceil(length), 1);
    let before = from;
    for (let part = 1; part <= parts; part += 1) {
      const here = curve(from, bend, to, part / parts);
      this.#carried += distance(before, here);
      before = here;
      const dab = this.#dab(here);
      if (this.#carried >= Math.max(dab.radius * 2 * SPACING, 0.5)) {
        found.push(dab);
        this.#carried = 0;
      }
    }
    return found;
  }

  #dab({ x, y, pressure }) {
    return { x, y, radius: (this.size / 2) * (LIGHTEST + (1 - LIGHTEST) * pressure) };
  }
}

const mix = (a, b, share) => a + (b - a) * share;

const between = (a, b, share) => ({
  x: mix(a.x, b.x, share),
  y: mix(a.y, b.y, share),
  pressure: mix(a.pressure, b.pressure, share),
});

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);

const curve = (from, bend, to, share) => between(between(from, bend, share), between(bend, to, share), share);

// What a pointer event presses: only pens tell it; a mouse says 0.5 of nothing.
export const pressure = (event) => (event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 1);

// Lay a dab; `softness` is the share of the radius over which it fades. Returns the box that it touched.
export function lay(context, { x, y, radius }, { softness = 0, erase = false } = {}) {
  const reach = radius + 0.5;
  const core = Math.max(radius * (1 - softness) - 0.5, 0) / reach;
  const shade = context.createRadialGradient(x, y, 0, x, y, reach);
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const faded = share * share * (3 - 2 * share);
    const gray = Math.round(255 * (erase ? faded : 1 - faded));
    shade.addColorStop(mix(core, 1, share), `rgb(${gray},${gray},${gray})`);
  }
  const left = Math.floor(x - reach);
  const top = Math.floor(y - reach);
  const side = Math.ceil(2 * reach) + 2;
  context.globalCompositeOperation = erase ? "darken" : "lighten";
  context.fillStyle = shade;
  context.fillRect(left, top, side, side);
  context.globalCompositeOperation = "source-over";
  return { left, top, right: left + side, bottom: top + side };
}
