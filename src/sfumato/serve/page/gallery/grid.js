// The grid: only the rows that are in sight are in the page, however many pictures there are. The next page of
// them is asked for before its end comes into sight.
import { html, useEffect, useLayoutEffect, useRef, useState, useStore } from "../h.js";
import { connection, thumbnailOf } from "../api.js";
import { Icon } from "../ui/icons.js";
import { found, more, refresh } from "./found.js";

const WIDEST = 210; // px of a tile
const GAP = 12;
const BEYOND = 3; // rows above and below that are drawn as well

// How many tiles stand in a row, how high it is, and which rows are in sight.
function useRows(frame, count) {
  const [shape, setShape] = useState({ columns: 1, height: WIDEST, first: 0, last: 4 });
  useLayoutEffect(() => {
    const measure = () => {
      const box = frame.current;
      if (!box) return;
      const columns = Math.max(2, Math.round((box.clientWidth + GAP) / (WIDEST + GAP)));
      const height = (box.clientWidth - GAP * (columns - 1)) / columns + GAP;
      const top = -box.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / height) - BEYOND);
      const last = Math.ceil((top + innerHeight) / height) + BEYOND;
      setShape((old) => (old.columns === columns && old.height === height && old.first === first && old.last === last ? old : { columns, height, first, last }));
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(frame.current);
    addEventListener("scroll", measure, { passive: true });
    return () => {
      watch.disconnect();
      removeEventListener("scroll", measure);
    };
  }, [count]);
  return shape;
}

// `looked.current`: the picture that was looked at last, to which the grid comes back.
export function Grid({ looked, chosen, onChoose }) {
  const { records, whole, error, query } = useStore(found);
  const frame = useRef();
  const [at, setAt] = useState(0); // the tile that the keyboard is on
  const wanted = useRef(false); // whether that tile is to be focused once it is in the page
  const { columns, height, first, last } = useRows(frame, records.length);
  const rows = Math.ceil(records.length / columns);
  const online = useStore(connection, (each) => each.online);
  useEffect(() => {
    if (online) refresh();
  }, [online]);
  useEffect(() => {
    if (!whole && !error && last >= rows) more();
  }, [whole, error, last, rows]);
  useEffect(() => {
    if (!wanted.current) return;
    const tile = frame.current.querySelector(`[data-place="${at}"] a`);
    if (tile) {
      wanted.current = false;
      tile.focus();
      tile.scrollIntoView({ block: "nearest" });
    }
  });
  const go = (to) => {
    const place = Math.max(0, Math.min(records.length - 1, to));
    const tile = frame.current.querySelector(`[data-place="${place}"] a`);
    tile?.focus({ preventScroll: true }); // at once where it is in the page: the next key may follow fast
    wanted.current = true;
    setAt(place);
    const row = Math.floor(place / columns);
    const top = frame.current.getBoundingClientRect().top + scrollY + row * height;
    if (top < scrollY || top + height > scrollY + innerHeight) scrollTo({ top: top - innerHeight / 3 });
  };
  useEffect(() => {
    const place = columns > 1 ? records.findIndex(({ id }) => id === looked.current) : -1;
    if (place < 0) return;
    looked.current = null;
    go(place);
  }, [columns]);
  const keys = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? records.length - 1 : by === undefined ? null : at + by;
    if (to === null) return;
    event.preventDefault();
    go(to);
  };
  const from = first * columns;
  const shown = records.slice(from, (Math.min(last, rows) + 1) * columns).map((record, index) => [from + index, record]);
  // the tile that has the focus stays in the page, or the focus would be lost when it is scrolled away
  const away = records[at] && !shown.some(([place]) => place === at) && frame.current?.contains(document.activeElement);
  if (away) shown.splice(at < from ? 0 : shown.length, 0, [at, records[at]]);
  const searched = query.words || query.model || query.since || query.until || query.favourite;
  const held = shown.some(([place]) => place === at) ? at : from;
  return html`
    ${error ? html`<p class="error" role="alert">${error.message} <button type="button" class="plain" onClick=${refresh}>Try again</button></p>` : null}
    <p class="hidden-words" role="status">${records.length}${whole ? "" : " or more"} pictures</p>
    <ul class="grid" ref=${frame} aria-label="Pictures" style=${{ height: `${Math.max(0, rows * height - GAP)}px` }} onKeyDown=${keys}>
      ${shown.map(([place, record]) => html`<${Tile} key=${record.id} record=${record} place=${place} columns=${columns} height=${height}
        total=${whole ? records.length : -1} held=${place === held} onFocus=${() => setAt(place)}
        chosen=${chosen.includes(record.id)} onChoose=${onChoose} />`)}
    </ul>
    ${whole && !records.length
      ? html`<p class="empty">${searched ? "No picture is found by these. Try one word less, or show all." : "Nothing was drawn yet. What you draw is kept here."}</p>`
      : null}
  `;
}

function Tile({ record, place, columns, height, total, held, onFocus, chosen, onChoose }) {
  const side = height - GAP;
  const style = {
    inlineSize: `${side}px`, blockSize: `${side}px`,
    transform: `translate(${(place % columns) * height}px, ${Math.floor(place / columns) * height}px)`,
  };
  return html`<li class="tile ${chosen ? "marked" : ""}" style=${style} data-place=${place} aria-setsize=${total} aria-posinset=${place + 1}>
    <a href="#/gallery/one/${record.id}" tabindex=${held ? 0 : -1} onFocus=${onFocus} title=${record.prompt}>
      <img src=${thumbnailOf(record.id)} alt=${record.prompt} loading="lazy" decoding="async" />
    </a>
    ${record.favourite ? html`<span class="star"><${Icon} name="star" filled /><span class="hidden-words">Favourite</span></span>` : null}
    <label class="mark-one" title="Mark to compare"><input type="checkbox" checked=${chosen} tabindex=${held ? 0 : -1}
      aria-label="Mark to compare: ${record.prompt}" onChange=${() => onChoose(record.id)} /></label>
  </li>`;
}
