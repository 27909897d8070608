// The shell: what stands around every view, and which view the address names.
//
// How views plug in
//   A view is a component in a folder of its own, and one line of VIEWS. `#/gallery` shows VIEWS.gallery; what
//   follows the name (`#/gallery/ab12`) is handed to it as `path`, an array.
//   Gallery (gallery/gallery.js) gets onUse(request): take these settings, and onSend(picture, how): go on
//   with this picture, how being "image", "inpaint", "upscale", "variations", "style" or "composition".
//   Canvas (canvas/canvas.js) is no view of its own: draw/draw.js shows it in place of the picture while
//   desk.canvas is set, with picture (a record of /v1/pictures, or null), wish, onWish(changes), onDraw(), onClose().
//
// What they share
//   h.js         html``, hooks, store, useStore, useAnswer     api.js     the server; ApiError; events; upload
//   wish.js      the wish: get, set, subscribe; restored()     desk.js    what lies open in this tab
//   known.js     useKnown("/v1/models"): asked for once        sending.js send(picture, how), use(request)
//   ui/controls.js Tool, Sure, Slider, NumberBox, Choice, Switch, Chips, Taken, Menu, Field
//   ui/dialog.js Dialog      ui/notices.js say(text), told(error)      ui/icons.js Icon
//   style.css    the colours and sizes, as variables: use no others
import { html, render, useEffect, useRef, useState } from "./h.js";
import { Draw } from "./draw/draw.js";
import { Jobs } from "./draw/jobs.js";
import { Gallery } from "./gallery/gallery.js";
import { send, use } from "./sending.js";
import { Icon } from "./ui/icons.js";
import { Connection, Token } from "./ui/access.js";
import { Notices } from "./ui/notices.js";
import { Theme } from "./ui/theme.js";

const VIEWS = {
  draw: { title: "Draw", view: Draw },
  gallery: { title: "Gallery", view: Gallery },
  jobs: { title: "Jobs", view: Jobs },
};

function useAddress() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = () => setHash(location.hash);
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  const [name, ...path] = hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return { name: name in VIEWS ? name : "draw", path };
}

function App() {
  const { name, path } = useAddress();
  const { title, view: View } = VIEWS[name];
  const main = useRef();
  const first = useRef(true);
  useEffect(() => {
    document.title = name === "draw" ? "sfumato" : `${title} · sfumato`;
    if (!first.current) main.current.focus(); // a new view begins at its beginning, also to a screen reader
    first.current = false;
  }, [name]);
  return html`
    <a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.focus())}>Skip to the ${title.toLowerCase()} view</a>
    <header class="top">
      <a class="mark" href="#/draw">sfumato</a>
      <nav aria-label="Views">
        ${Object.entries(VIEWS).map(([each, { title: words }]) => html`<a key=${each} href="#/${each}"
          aria-current=${each === name ? "page" : undefined}><${Icon} name=${each} /><span>${words}</span></a>`)}
      </nav>
      <${Theme} />
    </header>
    <${Connection} />
    <main id="main" class="view-${name}" ref=${main} tabindex="-1" aria-label=${title}>
      <${View} path=${path} onUse=${use} onSend=${send} />
    </main>
    <${Notices} />
    <${Token} />
  `;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
