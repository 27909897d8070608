// Pictures that are brought: one to go on from, those whose lines or places are followed, those whose style or
// composition is taken.
import { api } from "../api.js";
import { html, useEffect, useRef, useState } from "../h.js";
import { useKnown } from "../known.js";
import { Chips, Choice, Slider, Tool } from "../ui/controls.js";
import { told } from "../ui/notices.js";
import { Walk } from "./follow.js";
import { controlsOf, readAs, reads, referencesOf, replaced, unread, without } from "./steering.js";
import { counted, image, memory, remember } from "./uploads.js";

const USES = [
  ["base", "To go on from"],
  ["follow", "To follow its lines or places"],
  ["style", "For its style"],
  ["composition", "For its composition"],
  ["both", "For style and composition"],
];
const ROLES = [["style", "Style"], ["composition", "Composition"], ["both", "Both"]];

const followed = (able) =>
  ["edges", "canny", "softedge", "depth", "pose", "layout"].find((kind) => able.kinds?.includes(kind)) ?? "canny";

const useFor = {
  base: (board, { digest, width, height }) =>
    board.onWish({ strength: null, picture: digest, mask: null, outpaint: null, around: null, masking: null, size: board.sizeFor({ width, height }) }),
  follow: (board, { digest }) =>
    board.onWish({ controls: [...controlsOf(board.wish), { kind: followed(board.able), picture: digest, weight: 1, start: 0, stop: 1 }] }),
};

// Uploads files one after the other; what each of them is for was said before.
export async function bring(board, files, use) {
  for (const file of files) {
    try {
      const found = await counted(() => api.upload(file));
      remember(found.digest, { by: "brought", name: file.name });
      const take = useFor[use] ?? ((_, { digest }) =>
        board.onWish({ references: [...referencesOf(board.wish), { picture: digest, role: use, weight: 1 }] }));
      take(board, found);
    } catch (error) {
      told(error);
    }
  }
}

export const picturesOf = (transfer) => [...(transfer?.files ?? [])].filter((file) => file.type.startsWith("image/"));

function Picture({ digest, label }) {
  const canvas = useRef();
  const [gone, setGone] = useState(false);
  useEffect(() => {
    let stale = false;
    image(digest).then(
      (found) => {
        if (stale) return;
        const share = Math.min(192 / Math.max(found.width, found.height), 1);
        if (!canvas.current) return; // the card has gone meanwhile
        Object.assign(canvas.current, { width: Math.max(found.width * share, 1), height: Math.max(found.height * share, 1) });
        canvas.current.getContext("2d").drawImage(found, 0, 0, canvas.current.width, canvas.current.height);
      },
      () => stale || setGone(true),
    );
    return () => (stale = true);
  }, [digest]);
  if (gone) return html`<span class="thumb gone-picture" role="img" aria-label="${label}: no longer here">?</span>`;
  return html`<canvas class="thumb" ref=${canvas} role="img" aria-label=${label} />`;
}

function Drop({ board }) {
  const [use, setUse] = useState("style");
  const choice = useRef();
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    bring(board, picturesOf(event.dataTransfer), use);
  };
  return html`<div class="drop ${over ? "over" : ""}" data-name="drop" onDragOver=${(event) => (event.preventDefault(), setOver(true))}
    onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <${Choice} label="What the picture is for" value=${use} options=${USES} onChange=${(value) => setUse(value)} />
    <button type="button" class="plain" onClick=${() => choice.current.click()}>Choose a picture</button>
    <p class="hint">or drop it here, or paste it.</p>
    <input ref=${choice} type="file" accept="image/*" multiple hidden data-name="file"
      onChange=${(event) => (bring(board, [...event.currentTarget.files], use), (event.currentTarget.value = ""))} />
  </div>`;
}

const calledOf = (digest, otherwise) => memory.get().made[digest]?.name ?? otherwise;

function Base({ board }) {
  const { wish, base } = board;
  const strength = wish.strength ?? (wish.mask || wish.outpaint ? 1 : 0.6);
  const [wide, high] = wish.size ?? [];
  const squeezed = base && !wish.around && wish.size && !wish.outpaint && Math.abs(wide / high / (base.width / base.height) - 1) > 0.02;
  return html`<li class="entry">
    <${Picture} digest=${wish.picture} label="The picture to go on from" />
    <div class="entry-body">
      <strong>Goes on from this${base ? html` <span class="quiet">${base.width} × ${base.height}</span>` : null}</strong>
      <${Slider} label="How far it may go from it" min=${0} max=${1} step=${0.05} value=${strength} shown="${Math.round(strength * 100)} %"
        idle=${strength === 1 && !wish.mask && !wish.outpaint ? "At 100 % it begins from pure noise: the picture has no effect." : strength === 0 && !wish.passes?.length ? "At 0 % the picture comes back as it is: the words have no effect." : null}
        onChange=${(value) => board.onWish({ strength: value })} />
      ${squeezed ? html`<p class="why">It is squeezed into ${wide} × ${high}.
        <button type="button" class="plain" onClick=${() => board.onWish({ size: board.sizeFor(base) })}>Keep its shape</button></p>` : null}
    </div>
    <${Tool} icon="trash" label="Do not go on from it" bare
      onClick=${() => board.onWish({ picture: null, mask: null, outpaint: null, around: null, masking: null, strength: null })} />
  </li>`;
}

// What the network will see of a picture: the server makes it, so that nobody has to guess.
function Seen({ kind, digest, size }) {
  const [seen, setSeen] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    const stop = new AbortController();
    setSeen(null);
    setProblem(null);
    api.post(`/v1/conditions/${encodeURIComponent(kind)}`, { picture: digest, size }, { signal: stop.signal }).then(
      (found) => setSeen(found.digest),
      (error) => error.name === "AbortError" || setProblem(error.message),
    );
    return () => stop.abort();
  }, [kind, digest, String(size)]);
  if (problem) return html`<p class="why">${problem}</p>`;
  return seen ? html`<${Picture} digest=${seen} label="What the control sees: ${readAs(kind)}" />` : null;
}

function Control({ board, each, place, conditions }) {
  const controls = controlsOf(board.wish);
  const set = (changes) => board.onWish({ controls: replaced(controls, place, changes) });
  const made = memory.get().made[each.picture]?.by;
  const ours = ["lines", "pose", "layout"].includes(made);
  const why = unread(board.able, each.kind, board.name);
  const options = conditions.map(({ name, says }) => [name, reads(board.able, name) ? `${name}: ${says}` : `${name} (not read by ${board.name})`]);
  const known = options.some(([name]) => name === each.kind);
  return html`<li class="entry">
    <${Picture} digest=${each.picture} label="The picture that is followed: ${calledOf(each.picture, each.kind)}" />
    <div class="entry-body">
      <strong>${ours ? { lines: "Your lines", pose: "Your figures", layout: "Your boxes" }[made] : calledOf(each.picture, "Followed")}</strong>
      ${ours ? null : html`
        <${Choice} label="What is followed" value=${each.kind} options=${known ? options : [[each.kind, each.kind], ...options]} onChange=${(kind) => kind && set({ kind })} />
        <${Seen} kind=${each.kind} digest=${each.picture} size=${board.drawn} />`}
      ${why ? html`<p class="why">${why}</p>` : null}
      <${Slider} label="How closely" min=${0} max=${2} step=${0.05} value=${each.weight ?? 1} shown=${(each.weight ?? 1).toFixed(2)}
        idle=${each.weight === 0 ? "At 0 it has no effect." : null} onChange=${(weight) => set({ weight })} />
      <details class="more"><summary>For a part of the steps</summary><${Walk} start=${each.start} stop=${each.stop} onChange=${set} /></details>
    </div>
    <${Tool} icon="trash" label="Do not follow it" bare onClick=${() => board.onWish({ controls: without(controls, place) })} />
  </li>`;
}

function Reference({ board, each, place }) {
  const references = referencesOf(board.wish);
  const set = (changes) => board.onWish({ references: replaced(references, place, changes) });
  return html`<li class="entry">
    <${Picture} digest=${each.picture} label="Reference: ${calledOf(each.picture, each.role)}" />
    <div class="entry-body">
      <strong>${calledOf(each.picture, "Reference")}</strong>
      <${Chips} label="What is taken from it" value=${each.role ?? "both"} options=${ROLES} onChange=${(role) => set({ role })} />
      <${Slider} label="How much" min=${0} max=${2} step=${0.05} value=${each.weight ?? 1} shown=${(each.weight ?? 1).toFixed(2)}
        idle=${each.weight === 0 ? "At 0 it has no effect." : null} onChange=${(weight) => set({ weight })} />
    </div>
    <${Tool} icon="trash" label="Remove the reference" bare onClick=${() => board.onWish({ references: without(references, place) })} />
  </li>`;
}

function Panel({ board }) {
  const { wish } = board;
  const conditions = useKnown("/v1/conditions")?.conditions ?? [];
  const controls = controlsOf(wish);
  const references = referencesOf(wish);
  useEffect(() => {
    const paste = (event) => {
      const files = picturesOf(event.clipboardData);
      if (!files.length) return;
      event.preventDefault();
      bring(board, files, "style");
    };
    addEventListener("paste", paste, true); // before the view, which would go on from it
    return () => removeEventListener("paste", paste, true);
  }, [board]);
  return html`
    <${Drop} board=${board} />
    ${references.length && board.able.references === false ? html`<p class="why">${noReader(board)}</p>` : null}
    <ul class="entries">
      ${wish.picture ? html`<${Base} key="base" board=${board} />` : null}
      ${controls.map((each, place) => html`<${Control} key="c${place}${each.picture}" ...${{ board, each, place, conditions }} />`)}
      ${references.map((each, place) => html`<${Reference} key="r${place}${each.picture}" ...${{ board, each, place }} />`)}
    </ul>
  `;
}

const noReader = (board) => `Nothing beside ${board.name} reads reference pictures: hang an IP-Adapter beside it, or choose another model.`;

export const pictures = {
  name: "pictures", title: "Pictures", icon: "image", Panel,
  why: () => null,
  says: (board) => (board.base ? "The picture." : "The sheet is empty."),
  keys: "Arrow keys move the view.",
  lead: "Bring a picture to go on from, to follow, or whose manner you want.",
};
