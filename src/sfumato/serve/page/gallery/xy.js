// X/Y sheets: the wish of the draw view in all combinations of two of its settings, as a table.
import { html, useEffect, useState, useStore } from "../h.js";
import { imageOf, thumbnailOf } from "../api.js";
import { useKnown } from "../known.js";
import { Choice, Field, Tool } from "../ui/controls.js";
import { say } from "../ui/notices.js";
import { anySeed, wish } from "../wish.js";
import { AXES, cellsOf, valuesOf } from "./axes.js";
import { pictureOf } from "./sheet_picture.js";
import { begin, follow, isOver, resume, sheet, stop } from "./sheet.js";

const NAMES = Object.entries(AXES).map(([name, { label }]) => [name, label]);
const key = () => `${anySeed().toString(36)}${anySeed().toString(36)}`;

export function Sheets() {
  const { x, y, drawn } = useStore(sheet);
  const asked = useStore(wish);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    follow(); // what a reload has interrupted
  }, []);
  const busy = drawn?.cells.some((cell) => !isOver(cell));
  const draw = (event) => {
    event.preventDefault();
    try {
      if (!asked.prompt.trim()) throw new Error("The box of the draw view is empty: say there what the pictures should show");
      const from = { ...asked, count: 1, seed: asked.seed ?? anySeed() };
      const cells = cellsOf(from, { x, y }).map((cell) => ({ ...cell, key: key(), job: null, state: "sending", picture: null, error: null }));
      setProblem("");
      begin({ x: x.name, y: y.name, words: from.prompt, columns: valuesOf(x).map(([text]) => text), rows: valuesOf(y).map(([text]) => text), cells });
    } catch (error) {
      setProblem(error.message);
    }
  };
  let count = 0;
  try {
    count = valuesOf(x).length * valuesOf(y).length;
  } catch {
    // said when it is asked for
  }
  return html`<section class="xy">
    <form class="axes" onSubmit=${draw}>
      <p class="of">${asked.prompt.trim() ? html`“${asked.prompt}”` : html`Say what to draw in <a href="#/draw">the draw view</a>; its words and settings are taken.`}</p>
      <${Axis} name="Across" value=${x} options=${NAMES} onChange=${(changes) => sheet.set({ x: { ...x, ...changes } })} />
      <${Axis} name="Down" value=${y} options=${[["", "Nothing"], ...NAMES]} onChange=${(changes) => sheet.set({ y: { ...y, ...changes } })} />
      <div class="axes-foot">
        <button class="primary" disabled=${busy}>Draw ${count ? `${count} pictures` : "them"}</button>
        ${busy ? html`<${Tool} icon="close" label="Stop" onClick=${stop} />` : null}
        <p class="error" role="alert">${problem}</p>
      </div>
    </form>
    ${drawn ? html`<${Drawn} drawn=${drawn} busy=${busy} />` : null}
  </section>`;
}

function Axis({ name, value, options, onChange }) {
  const axis = AXES[value.name];
  const [path, list] = axis?.known ?? [null, null];
  const known = useKnown(path)?.[list] ?? [];
  return html`<fieldset class="axis"><legend>${name}</legend>
    <${Choice} label="What varies" value=${value.name} options=${options} onChange=${(picked) => onChange({ name: picked ?? "", text: "" })} />
    ${axis ? html`<${Field} label="Values, between commas" hint=${known.length ? `Among them: ${known.slice(0, 8).map((each) => each.name).join(", ")} …` : undefined}>
      ${(ids) => html`<input type="text" ...${ids} value=${value.text} placeholder=${axis.example} onInput=${(event) => onChange({ text: event.currentTarget.value })} />`}
    <//>` : null}
  </fieldset>`;
}

function Drawn({ drawn, busy }) {
  const { rows, columns, cells, words } = drawn;
  const ended = cells.filter(isOver).length;
  const save = async () => {
    try {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await pictureOf(drawn, imageOf));
      link.download = "sheet.png";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } catch (error) {
      say(`The sheet cannot be saved: ${error.message}`, { failed: true });
    }
  };
  const missing = cells.some(({ state }) => state === "cancelled" || state === "failed");
  const label = (name) => AXES[name]?.label ?? "";
  return html`<div class="drawn">
    <div class="drawn-head">
      <p role="status">${busy ? `${ended} of ${cells.length} are drawn` : `${cells.filter((cell) => cell.picture).length} pictures of “${words}”`}</p>
      ${busy ? html`<progress value=${ended} max=${cells.length} aria-label="Pictures drawn"></progress>` : html`<span class="together">
        ${missing ? html`<${Tool} icon="draw" label="Draw the rest" onClick=${() => resume(key)} />` : null}
        ${cells.some(({ picture }) => picture) ? html`<${Tool} icon="download" label="Save as one picture" onClick=${save} />` : null}
      </span>`}
    </div>
    <div class="drawn-table" tabindex="0" role="region" aria-label="Sheet"><table>
      <caption class="hidden-words">${label(drawn.x)} across${drawn.y ? `, ${label(drawn.y)} down` : ""}</caption>
      <thead><tr>${drawn.y ? html`<th scope="col">${label(drawn.y)} \\ ${label(drawn.x)}</th>` : null}${columns.map((each) => html`<th scope="col" key=${each}>${each}</th>`)}</tr></thead>
      <tbody>${rows.map((name, row) => html`<tr key=${name}>${drawn.y ? html`<th scope="row">${name}</th>` : null}
        ${columns.map((_, column) => html`<${Cell} key=${column} cell=${cells.find((each) => each.row === row && each.column === column)} words="${columns[column]} ${name}" />`)}
      </tr>`)}</tbody>
    </table></div>
  </div>`;
}

function Cell({ cell, words }) {
  if (cell.picture) return html`<td><a href="#/gallery/one/${cell.picture}"><img src=${thumbnailOf(cell.picture)} alt=${words} loading="lazy" /></a></td>`;
  const said = { failed: cell.error, cancelled: "Cancelled", done: "Deleted" }[cell.state];
  return html`<td>${said ? html`<p class=${cell.state === "failed" ? "error" : "quiet"}>${said}</p>` : html`<span class="blank waiting"><span class="hidden-words">Not drawn yet</span></span>`}</td>`;
}
