// The draw view: the picture, what is said of it, the box, and what unfolds around them.
import { html, useEffect, useStore } from "../h.js";
import { Canvas } from "../canvas/canvas.js";
import { settled } from "../canvas/uploads.js";
import { desk } from "../desk.js";
import { Tool } from "../ui/controls.js";
import { wish } from "../wish.js";
import { Box } from "../words/box.js";
import { Beginning, Bring } from "./beginning.js";
import { History } from "./history.js";
import { draftSeed, useLive } from "./live.js";
import { cancel, draw, isBusy, run } from "./run.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";

const EXAMPLES = [
  "a red cat to the left of a blue car",
  "two yellow fish under a cloud, watercolor",
  "a castle at night, pixel art",
];

// A draft is finished by its own seed; else the wish says which.
const start = async () => {
  await settled(); // what was painted is in the wish only when it has arrived
  if (wish.get().prompt.trim()) draw([{ ...wish.get(), seed: draftSeed(run.get()) ?? wish.get().seed }]);
};

// Escape cancels, unless it was meant for what lies open in front.
function useEscape() {
  useEffect(() => {
    const keys = (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !isBusy(run.get())) return;
      if (document.querySelector("dialog[open]")) return;
      cancel();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
}

function Greeting() {
  const words = useStore(wish, (value) => value.prompt);
  return html`<div class="greeting">
    <h1>Say what the picture should show.</h1>
    ${words ? null : html`<p class="examples"><span class="quiet">For example</span>
      ${EXAMPLES.map((each) => html`<button type="button" key=${each} onClick=${() => wish.set({ prompt: each })}>${each}</button>`)}
    </p>`}
  </div>`;
}

function Painting() {
  const { picture } = useStore(desk, (value) => value.canvas);
  const current = useStore(wish);
  return html`<section class="painting" aria-label="Canvas">
    <${Canvas} picture=${picture} wish=${current} onWish=${(changes) => wish.set(changes)}
      onClose=${() => desk.set({ canvas: null })} />
  </section>`;
}

// The canvas again as it was left, if the wish still begins with the picture that lay on it.
function paint() {
  const { picture } = desk.get().painted ?? {};
  desk.set({ canvas: { picture: picture && picture.pixels === wish.get().picture ? picture : null } });
}

// In a narrow window the drawer opens below: it is brought into sight.
function unfold(settings) {
  desk.set({ settings });
  const drawer = () => document.getElementById("settings")?.scrollIntoView({ block: "start", behavior: "smooth" });
  if (settings && matchMedia("(max-width: 999px)").matches) requestAnimationFrame(() => requestAnimationFrame(drawer));
}

function Unfolding() {
  const { settings, live, canvas } = useStore(desk);
  return html`<div class="unfolding">
    <${Bring} />
    <${Tool} icon="brush" label="Canvas" pressed=${Boolean(canvas)}
      onClick=${() => (canvas ? desk.set({ canvas: null }) : paint())} />
    <${Tool} icon="live" label="As you type" pressed=${live} onClick=${() => desk.set({ live: !live })} />
    <${Tool} icon="sliders" label="Settings" aria-expanded=${String(settings)} aria-controls="settings"
      onClick=${() => unfold(!settings)} />
  </div>`;
}

export function Draw() {
  useEscape();
  useLive();
  const { settings, canvas } = useStore(desk);
  const shown = useStore(run, (value) => value.sheet.length > 0);
  return html`<div class="draw ${settings ? "with-settings" : ""} ${shown || canvas ? "" : "at-rest"}">
    <div class="work">
      ${canvas ? html`<${Painting} />` : shown ? html`<${Stage} />` : html`<${Greeting} />`}
      <${Beginning} />
      <${Box} onDraw=${start} more=${html`<${Unfolding} />`} />
      <${History} />
    </div>
    ${settings ? html`<${Settings} />` : null}
  </div>`;
}
