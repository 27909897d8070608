// What lies open in this tab, apart from the wish.
import { keptStore } from "./kept.js";

// settings: the drawer is open. live: draw as you type. canvas: null, or {picture} that is being painted upon.
export const desk = keptStore("desk", { settings: false, live: false, canvas: null }, { shared: false });
