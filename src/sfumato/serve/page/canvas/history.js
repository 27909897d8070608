// What was done to a drawing, so that it can be undone and done again.

const MOST = 200;
const BYTES = 128 * 2 ** 20; // a stroke across 4000x4000 pixels weighs 64 MB before and 64 MB after

// Entries are {undo, redo, bytes}: functions that bring the drawing back and forth.
export class History {
  #done = [];
  #undone = [];

  constructor({ most = MOST, bytes = BYTES } = {}) {
    this.most = most;
    this.bytes = bytes;
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  push(entry) {
    this.#undone = [];
    this.#done.push(entry);
    const heavy = () => this.#done.reduce((sum, each) => sum + (each.bytes ?? 0), 0) > this.bytes;
    while (this.#done.length > 1 && (this.#done.length > this.most || heavy())) this.#done.shift();
  }

  // Whether there was something to undo.
  undo() {
    const entry = this.#done.pop();
    if (!entry) return false;
    entry.undo();
    this.#undone.push(entry);
    return true;
  }

  redo() {
    const entry = this.#undone.pop();
    if (!entry) return false;
    entry.redo();
    this.#done.push(entry);
    return true;
  }

  clear() {
    this.#done = [];
    this.#undone = [];
  }
}

// A history of values that are replaced as a whole: joints, boxes.
export class Versions extends History {
  // `put(value)` makes a value the present one. Equal values are no change.
  replace(before, after, put) {
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    this.push({ undo: () => put(before), redo: () => put(after), bytes: JSON.stringify(after).length });
    put(after);
  }
}
