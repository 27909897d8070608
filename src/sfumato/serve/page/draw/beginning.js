// The picture that the drawing begins with: brought by a button, dropped or pasted, and how far to go from it.
import { html, useEffect, useRef, useStore } from "../h.js";
import { api } from "../api.js";
import { desk } from "../desk.js";
import { Slider, Tool } from "../ui/controls.js";
import { say, told } from "../ui/notices.js";
import { wish } from "../wish.js";

const STRENGTH = 0.6; // what the server takes where none is said

export const begin = (digest, image, changes = {}) => {
  desk.set({ beginning: { digest, image } });
  wish.set({ picture: digest, mask: null, outpaint: null, strength: STRENGTH, ...changes });
};

export async function bring(file) {
  try {
    const { digest, notes } = await api.upload(file);
    begin(digest, `/v1/uploads/${digest}`);
    for (const note of notes ?? []) say(note);
  } catch (error) {
    told(error);
  }
}

// A picture pasted or dropped anywhere on the view begins the next drawing.
export function useDrop() {
  useEffect(() => {
    const picture = (data) => [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));
    const over = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files") && event.preventDefault();
    const take = (event) => {
      const file = picture(event.dataTransfer ?? event.clipboardData);
      if (!file || event.defaultPrevented) return;
      event.preventDefault();
      bring(file);
    };
    const heard = { dragover: over, drop: take, paste: take };
    for (const [name, hear] of Object.entries(heard)) document.addEventListener(name, hear);
    return () => Object.entries(heard).forEach(([name, hear]) => document.removeEventListener(name, hear));
  }, []);
}

export function Bring() {
  const input = useRef();
  const chosen = (event) => {
    const [file] = event.currentTarget.files;
    event.currentTarget.value = "";
    if (file) bring(file);
  };
  return html`<${Tool} icon="image" label="From a picture" onClick=${() => input.current.click()} />
    <input type="file" accept="image/*" hidden ref=${input} onChange=${chosen} />`;
}

export function Beginning() {
  useDrop();
  const { picture, strength, mask, outpaint } = useStore(wish);
  const known = useStore(desk, (value) => value.beginning);
  if (!picture) return null;
  const image = known?.digest === picture ? known.image : `/v1/uploads/${picture}`;
  const painted = mask || outpaint;
  return html`<div class="beginning" role="group" aria-label="Drawn upon a picture">
    <img src=${image} alt="The picture that the drawing begins with" width="72" height="72" />
    <${Slider} label="How far to go from it" min="0.05" max="1" step="0.05" value=${strength ?? (painted ? 1 : STRENGTH)}
      onChange=${(next) => wish.set({ strength: next })}
      hint=${painted ? "Only the painted part is drawn; the rest stays." : "A little keeps its places and colours; 1 keeps nothing."} />
    <${Tool} icon="close" label="Begin with nothing" bare
      onClick=${() => wish.set({ picture: null, mask: null, outpaint: null, strength: null, around: null })} />
  </div>`;
}
