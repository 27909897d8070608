// The picture's size: shapes that the model draws, as chips, and its two sides as numbers.
import { html, useStore } from "../h.js";
import { Chips, NumberBox } from "../ui/controls.js";
import { wish } from "../wish.js";

// What is offered of a model that was not in memory yet: the embedded one's.
const NATIVE = [128, 128];
const SIZES = { multiple: 16, least: 64, most: 256 };
const SHAPES = { square: [1, 1], wide: [3, 2], tall: [2, 3] };

// Sides of about the area that the model learned, in the multiples that its network can draw.
export function shapesOf([width, height], { multiple, least, most }) {
  const side = Math.sqrt(width * height);
  const fit = (share) => Math.min(Math.max(least, Math.round((side * share) / multiple) * multiple), most);
  return Object.entries(SHAPES).map(([name, [wide, tall]]) => {
    const root = Math.sqrt(wide / tall);
    return [`${fit(root)}x${fit(1 / root)}`, name];
  });
}

export function Size({ model, idle }) {
  const size = useStore(wish, (value) => value.size);
  const own = model?.native ?? NATIVE;
  const sizes = model?.sizes ?? SIZES;
  const [width, height] = size ?? own;
  const box = (label, value, changed, said) => html`<${NumberBox} label=${label} value=${value} min=${sizes.least} max=${sizes.most}
    step=${sizes.multiple} idle=${said} onChange=${(next) => wish.set({ size: next ? changed(next) : null })} />`;
  return html`<div class="size">
    <${Chips} label="Shape" value="${width}x${height}" options=${shapesOf(own, sizes)}
      onChange=${(each) => wish.set({ size: each.split("x").map(Number) })} />
    <div class="pair">
      ${box("Width", width, (next) => [next, height], idle)}
      ${box("Height", height, (next) => [width, next])}
    </div>
  </div>`;
}
