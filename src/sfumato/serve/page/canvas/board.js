// What the tools of a canvas share: the wish, the picture that it goes on from, the sheet, and the drawings.
//
// The sheet is what will be drawn. With a picture it is measured in the picture's own pixels, and reaches as
// far as the frame; without, in the pixels of the wish's size.
import { imageOf } from "../api.js";
import { desk } from "../desk.js";
import { told } from "../ui/notices.js";
import { Bitmap } from "./bitmap.js";
import { drawable, NONE, whole } from "./frame.js";
import { Versions } from "./history.js";
import { abilities, controlsOf, kindOfLines, placeOf, reads, regionsOf, withMade } from "./steering.js";
import { counted, image, Latest, memory, remember } from "./uploads.js";

const SMOOTH = 512; // pixels of the shorter side of a drawing of lines: a model's own 128 would show steps
const UNTOLD = { step: 64, least: 64, most: 4096 }; // sizes that any model draws, but for the largest
const MASKED = [
  [206, 30, 88, 0.66],
  [255, 214, 228, 0.6],
];
const INKED = [38, 34, 30, 1];

export class Board {
  wish = {};
  model = null;
  base = null; // the picture: {digest, image, width, height, taken}; taken: the wish goes on from it
  mask = null;
  lines = null;
  draft = {}; // what is being dragged, over what the wish says
  crop = null; // a frame that only crops: nothing grows, so there is nothing to paint, and it is not in the wish
  selected = 0; // of the boxes or figures
  tool = null;
  cursor = null; // of the keyboard, in sheet pixels
  histories = { outpaint: new Versions(), pose: new Versions(), regions: new Versions(), layout: new Versions() };
  #sent = Object.fromEntries(["mask", "lines", "pose", "layout"].map((by) => [by, new Latest()]));
  #maskKnown = null; // the digests that the drawings show
  #linesKnown = null;
  #baseWanted = null;
  #regionsSent = null;

  // `onWish(changes)`; `onChange()` when what is to be seen is another; `onPaint()` when only a drawing is.
  constructor({ onWish, onChange, onPaint }) {
    Object.assign(this, { onWish, onChange, onPaint });
  }

  get able() {
    return abilities(this.model);
  }

  get name() {
    return this.model?.name ?? "this model";
  }

  get rule() {
    return this.able.sizes ?? UNTOLD;
  }

  get outpaint() {
    return this.draft.outpaint ?? this.framed;
  }

  get framed() {
    return this.wish.outpaint ?? this.crop ?? NONE;
  }

  // The picture if the sheet is its own: else it lies dimmed under what is drawn.
  get lying() {
    return this.base && (this.base.taken || this.tool?.onPicture) ? this.base : null;
  }

  // What the sheet is, from which shares count.
  get sheet() {
    if (this.lying) return whole(this.lying, this.outpaint);
    const [width, height] = this.drawn;
    return { width, height };
  }

  // Where the picture lies on it.
  get place() {
    const { width, height } = this.lying ?? this.sheet;
    const [left, top] = this.lying ? this.outpaint : NONE;
    return { left, top, width, height };
  }

  // The pixels that the model will draw, [width, height]: lines and figures are made for these.
  get drawn() {
    if (this.base?.taken && this.wish.outpaint) {
      const { width, height } = whole(this.base, this.wish.outpaint);
      return [width, height];
    }
    if (this.wish.size) return this.wish.size;
    const { native } = this.able;
    if (!this.base?.taken) return native ?? [512, 512];
    return [drawable(this.base.width, this.rule), drawable(this.base.height, this.rule)];
  }

  // ---- following the wish

  follow(wish, model, picture) {
    Object.assign(this, { wish, model });
    const digest = wish.picture ?? picture?.pixels ?? null;
    if (picture) this.#rememberGallery(picture);
    if (digest !== this.#baseWanted) this.#bring(digest);
    else if (this.base) this.base.taken = Boolean(wish.picture);
    this.#followMask();
    this.#followLines();
    this.#followRegions();
    this.#sendWaiting();
  }

  #rememberGallery({ pixels, id }) {
    if (pixels && memory.get().made[pixels]?.id !== id) remember(pixels, { by: "gallery", id });
  }

  async #bring(digest) {
    this.#baseWanted = digest;
    this.mask = this.#maskKnown = this.crop = null;
    if (!digest) {
      this.base = null;
      return this.onChange();
    }
    try {
      const found = await image(digest);
      if (digest !== this.#baseWanted) return;
      const { width, height } = found;
      this.base = { digest, image: found, width, height, taken: this.wish.picture === digest };
    } catch (error) {
      if (digest !== this.#baseWanted) return;
      this.base = null;
      if (this.wish.picture) told(error);
    }
    this.#followMask();
    this.onChange();
  }

  #followMask() {
    if (!this.base) return;
    this.mask ??= new Bitmap(this.base, ...MASKED);
    const wanted = this.wish.mask ?? null;
    if (wanted === this.#maskKnown) return;
    this.#maskKnown = wanted;
    this.#load(this.mask, wanted);
  }

  #followLines() {
    const [width, height] = this.drawn;
    const more = Math.min(4, Math.max(1, Math.ceil(SMOOTH / Math.min(width, height))));
    const [wide, high] = [width * more, height * more];
    if (this.lines?.width !== wide || this.lines?.height !== high) {
      const before = this.lines;
      this.lines = new Bitmap({ width: wide, height: high }, INKED);
      if (before && !before.isEmpty) this.lines.load(before.canvas);
    }
    const wanted = this.madeBy("lines");
    if (wanted === this.#linesKnown) return;
    this.#linesKnown = wanted;
    this.#load(this.lines, wanted);
  }

  async #load(bitmap, digest) {
    if (!digest) {
      if (!bitmap.isEmpty) bitmap.fill(0);
      return this.onPaint();
    }
    try {
      bitmap.load(await image(digest));
      this.onChange();
    } catch (error) {
      told(error);
    }
  }

  // Regions without words are none that the server knows: they wait here until they have some.
  #followRegions() {
    if (this.wish.regions === this.#regionsSent) return;
    const asked = regionsOf(this.wish);
    if (JSON.stringify(asked) !== JSON.stringify(named(memory.get().regions))) memory.set({ regions: asked });
  }

  // What was drawn while the model could not read it, for one that can.
  #sendWaiting() {
    if (!this.model) return;
    for (const [by, digest] of Object.entries(memory.get().waiting)) {
      const kind = this.#kindOf(by);
      if (!digest || !reads(this.able, kind)) continue;
      memory.set(({ waiting }) => ({ waiting: { ...waiting, [by]: null } }));
      this.put(by, { kind, picture: digest });
    }
  }

  #kindOf(by) {
    return by === "lines" ? `as-is(of=${kindOfLines(this.able)})` : by;
  }

  // ---- what is told to the wish

  placeOf(by) {
    return placeOf(controlsOf(this.wish), memory.get().made, by);
  }

  // The digest of what the canvas made, whether the model can read it or not.
  madeBy(by) {
    return controlsOf(this.wish)[this.placeOf(by)]?.picture ?? memory.get().waiting[by] ?? null;
  }

  // What it was made from: figures of a pose, boxes of a layout.
  from(by) {
    return this.draft[by] ?? memory.get().made[this.madeBy(by)]?.from ?? [];
  }

  get regions() {
    return this.draft.regions ?? memory.get().regions;
  }

  putRegions(regions) {
    delete this.draft.regions;
    memory.set({ regions });
    this.#regionsSent = named(regions);
    this.onWish({ regions: this.#regionsSent });
    this.onChange();
  }

  // The changes that make the shown picture the one that the wish goes on from.
  get adopting() {
    if (!this.base || this.base.taken) return {};
    const known = memory.get().made[this.base.digest];
    if (known?.by === "gallery") desk.set({ beginning: { digest: this.base.digest, image: imageOf(known.id) } });
    return { picture: this.base.digest, size: this.fitting };
  }

  // What is painted first is drawn anew, however near to the picture the whole was to stay.
  get anew() {
    return this.wish.mask || this.wish.outpaint ? {} : { strength: null };
  }

  // The size of the picture if the model can draw it; else null: the server finds the nearest.
  get fitting() {
    return this.sizeFor(this.base);
  }

  sizeFor({ width, height }) {
    return [width, height].every((side) => drawable(side, this.rule) === side) ? [width, height] : null;
  }

  async sendMask() {
    const { mask } = this;
    if (!mask) return;
    if (mask.isEmpty) {
      this.#sent.mask.drop();
      this.#maskKnown = null;
      return this.onWish({ mask: null, around: null, masking: null });
    }
    await this.#sending("mask", await mask.blob(), (digest) => {
      if (this.mask !== mask) return;
      this.#maskKnown = digest;
      this.onWish({ ...this.adopting, ...this.anew, mask: digest, outpaint: null });
    });
  }

  async sendLines() {
    if (this.lines.isEmpty) {
      this.#linesKnown = null;
      return this.drop("lines");
    }
    await this.sendMade("lines", await this.lines.blob(), null, (digest) => (this.#linesKnown = digest));
  }

  // A conditioning picture that the canvas drew, with what it was drawn from.
  async sendMade(by, blob, from, first = () => {}) {
    await this.#sending(by, blob, (digest) => {
      first(digest);
      remember(digest, { by, from });
      delete this.draft[by];
      const kind = this.#kindOf(by);
      if (reads(this.able, kind)) return this.put(by, { kind, picture: digest });
      memory.set(({ waiting }) => ({ waiting: { ...waiting, [by]: digest } }));
      this.onChange();
    });
  }

  drop(by) {
    this.#sent[by].drop();
    delete this.draft[by];
    memory.set(({ waiting }) => ({ waiting: { ...waiting, [by]: null } }));
    this.put(by, null);
    this.onChange();
  }

  put(by, control) {
    this.onWish({ controls: withMade(controlsOf(this.wish), memory.get().made, by, control) });
  }

  async #sending(by, blob, then) {
    try {
      await counted(async () => {
        const digest = await this.#sent[by].send(blob, `${by}.png`);
        if (digest) then(digest);
      });
    } catch (error) {
      told(error);
    }
  }
}

const named = (regions) => regions.filter((each) => each.words.trim());
