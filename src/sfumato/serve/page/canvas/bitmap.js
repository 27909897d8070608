// A gray drawing, white on black, that is painted by strokes, undone, shown as a tint and sent as a PNG.
import { lay, Stroke } from "./brush.js";
import { History } from "./history.js";

const STRIPES = 64; // along the shorter side

function plane(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  // read after every stroke: a drawing on the graphics card would have to come back each time
  return { canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
}

const joined = (a, b) => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
});

export class Bitmap {
  #before;
  #dirty = null;
  #stroke = null;

  // `tint` is [red, green, blue, opacity] of what is white when it is shown; two of them are stripes, which
  // are seen on pictures of any colour.
  constructor({ width, height }, tint, other = tint) {
    Object.assign(this, { width, height, tints: [tint, other], history: new History() });
    Object.assign(this, plane(width, height));
    this.shown = plane(width, height);
    this.#before = plane(width, height);
    this.context.fillRect(0, 0, width, height);
    this.#tinted(this.#everything);
  }

  get #everything() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  // `brush` is {size, softness, erase}, its size in pixels of the drawing.
  begin(brush) {
    this.#before.context.drawImage(this.canvas, 0, 0);
    this.#stroke = { path: new Stroke(brush.size), brush };
    this.#dirty = null;
  }

  to(x, y, pressure) {
    if (this.#stroke) this.#lay(this.#stroke.path.to(x, y, pressure));
  }

  end() {
    if (!this.#stroke) return;
    this.#lay(this.#stroke.path.end());
    this.#stroke = null;
    this.#kept();
  }

  // What was begun was not meant, as when a second finger comes down.
  cancel() {
    if (!this.#stroke) return;
    this.#stroke = null;
    this.context.drawImage(this.#before.canvas, 0, 0);
    this.#tinted(this.#everything);
  }

  fill(gray, box = this.#everything) {
    this.#changed(box, () => {
      this.context.fillStyle = `rgb(${gray},${gray},${gray})`;
      this.context.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    });
  }

  invert() {
    this.#changed(this.#everything, () => {
      this.context.globalCompositeOperation = "difference";
      this.context.fillStyle = "white";
      this.context.fillRect(0, 0, this.width, this.height);
      this.context.globalCompositeOperation = "source-over";
    });
  }

  // Another drawing in its place, brought to its size; there is nothing to undo then.
  load(image) {
    this.context.fillStyle = "black";
    this.context.fillRect(0, 0, this.width, this.height);
    this.context.drawImage(image, 0, 0, this.width, this.height);
    this.history.clear();
    this.#tinted(this.#everything);
  }

  get isEmpty() {
    const { data } = this.context.getImageData(0, 0, this.width, this.height);
    for (let at = 0; at < data.length; at += 4) if (data[at] > 0) return false;
    return true;
  }

  blob() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
  }

  #changed(box, draw) {
    this.#before.context.drawImage(this.canvas, 0, 0);
    draw();
    this.#dirty = box;
    this.#tinted(box);
    this.#kept();
  }

  #lay(dabs) {
    for (const dab of dabs) {
      const touched = lay(this.context, dab, this.#stroke.brush);
      this.#dirty = this.#dirty ? joined(this.#dirty, touched) : touched;
      this.#tinted(touched);
    }
  }

  #cut({ left, top, right, bottom }) {
    const [x, y] = [Math.max(Math.floor(left), 0), Math.max(Math.floor(top), 0)];
    const [width, height] = [Math.min(Math.ceil(right), this.width) - x, Math.min(Math.ceil(bottom), this.height) - y];
    return width > 0 && height > 0 ? { x, y, width, height } : null;
  }

  #kept() {
    const part = this.#dirty && this.#cut(this.#dirty);
    if (!part) return;
    const patch = (from) => from.getImageData(part.x, part.y, part.width, part.height);
    const [before, after] = [patch(this.#before.context), patch(this.context)];
    const put = (image) => {
      this.context.putImageData(image, part.x, part.y);
      this.#tinted({ left: part.x, top: part.y, right: part.x + part.width, bottom: part.y + part.height });
    };
    this.history.push({ undo: () => put(before), redo: () => put(after), bytes: 2 * before.data.length });
  }

  #tinted(box) {
    const part = this.#cut(box);
    if (!part) return;
    const image = this.context.getImageData(part.x, part.y, part.width, part.height);
    const wide = Math.max(Math.round(Math.min(this.width, this.height) / STRIPES), 1);
    for (let at = 0; at < image.data.length; at += 4) {
      const gray = image.data[at];
      const [x, y] = [part.x + ((at / 4) % part.width), part.y + Math.floor(at / 4 / part.width)];
      const [red, green, blue, opacity] = this.tints[Math.floor((x + y) / wide) % 2];
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = gray * opacity;
    }
    this.shown.context.putImageData(image, part.x, part.y);
  }
}
