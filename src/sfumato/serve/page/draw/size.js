// The picture's size: shapes that the model draws, as chips, and its two sides as numbers.
import { html, useStore } from "../h.js";
import { Chips, NumberBox } from "../ui/controls.js";
import { wish } from "../wish.js";

const SHAPES = { square: [1, 1], wide: [3, 2], tall: [2, 3] };

// Sides of about the area that the model learned, in the multiples that its network can draw.
export function shapesOf([width, height], multiple) {
  const side = Math.sqrt(width * height);
  const fit = (share) => Math.max(multiple, Math.round((side * share) / multiple) * multiple);
  return Object.entries(SHAPES).map(([name, [wide, tall]]) => {
    const root = Math.sqrt(wide / tall);
    return [`${fit(root)}x${fit(1 / root)}`, `${name} ${fit(root)}×${fit(1 / root)}`];
  });
}

export function Size({ model, idle }) {
  const size = useStore(wish, (value) => value.size);
  const own = model?.size ?? [128, 128];
  const [width, height] = size ?? own;
  const multiple = model?.multiple ?? 8;
  const set = (next) => wish.set({ size: next });
  return html`<div class="size">
    <${Chips} label="Shape" value="${width}x${height}" options=${shapesOf(own, multiple)} onChange=${(each) => set(each.split("x").map(Number))} />
    <div class="pair">
      <${NumberBox} label="Width" value=${width} min=${multiple} max="4096" step=${multiple} idle=${idle} onChange=${(next) => set(next ? [next, height] : null)} />
      <${NumberBox} label="Height" value=${height} min=${multiple} max="4096" step=${multiple} onChange=${(next) => set(next ? [width, next] : null)} />
    </div>
  </div>`;
}
