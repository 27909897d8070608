// What lies open in this tab, apart from the wish.
import { keptStore } from "./kept.js";

// settings: the drawer is open. live: draw as you type. canvas: null, or {picture} that is being painted upon.
// painted: what canvas was last. beginning: {digest, image} of the picture that the wish begins with, as far as this tab has seen it.
export const desk = keptStore("desk", { settings: false, live: false, canvas: null, painted: null, beginning: null }, { shared: false });

desk.subscribe(({ canvas, painted }) => {
  if (canvas && canvas !== painted) desk.set({ painted: canvas });
});
