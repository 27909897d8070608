// The canvas: what cannot be said in words. One sheet, and tools that each say one thing of the wish.
//
// A tool is one file and one line of TOOLS: {name, title, icon, lead, keys, Panel, says(board), why(board)} and,
// where it draws: down, move, up, cancel (board, at), paint(context, board), Handles, history(board),
// changed(board) after undo, key(board, event). `onPicture`: it works on the picture, not on the sheet.
import { html, useEffect, useLayoutEffect, useReducer, useRef, useState, useStore } from "../h.js";
import { run } from "../draw/run.js";
import { refresh, useKnown } from "../known.js";
import { Tool } from "../ui/controls.js";
import { Icon } from "../ui/icons.js";
import { Board } from "./board.js";
import { layout } from "./layout.js";
import { mask } from "./mask.js";
import { outpaint } from "./outpaint.js";
import { bring, pictures, picturesOf } from "./pictures.js";
import { pose } from "./pose.js";
import { regions } from "./regions.js";
import { Result, useLast } from "./result.js";
import { scribble } from "./scribble.js";
import { Stage } from "./stage.js";
import { controlsOf, referencesOf } from "./steering.js";
import { memory, pending } from "./uploads.js";

export const TOOLS = [mask, outpaint, scribble, layout, regions, pose, pictures];

// How many things of a tool the wish holds: seen on its button.
const counts = {
  mask: (board) => (board.wish.mask ? 1 : 0),
  outpaint: (board) => (board.wish.outpaint ? 1 : 0),
  scribble: (board) => (board.placeOf("lines") < 0 ? 0 : 1),
  layout: (board) => (board.placeOf("layout") < 0 ? 0 : board.from("layout").length),
  regions: (board) => (board.wish.regions ?? []).length,
  pose: (board) => (board.placeOf("pose") < 0 ? 0 : board.from("pose").length),
  pictures: (board) => (board.wish.picture ? 1 : 0) + controlsOf(board.wish).length + referencesOf(board.wish).length,
};

function useBoard({ wish, model, picture, onWish, tool }) {
  const [tick, redraw] = useReducer((count) => count + 1, 0);
  const board = useRef(null);
  const tell = useRef(onWish);
  tell.current = onWish;
  board.current ??= new Board({
    onWish: (changes) => tell.current(changes),
    onChange: redraw,
    onPaint: () => board.current.repaint?.(),
  });
  board.current.tool = tool;
  // at once: an effect that waits for the screen would follow a wish that the next key has changed already
  useLayoutEffect(() => {
    board.current.follow(wish, model, picture);
    redraw();
  }, [wish, model, picture?.id, picture?.pixels]);
  return [board.current, tick];
}

function Tools({ board, chosen, onChoose }) {
  const list = useRef();
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const place = TOOLS.findIndex(({ name }) => name === chosen);
    const next = { Home: 0, End: TOOLS.length - 1 }[event.key] ?? (step && (place + step + TOOLS.length) % TOOLS.length);
    if (next === undefined) return;
    event.preventDefault();
    onChoose(TOOLS[next].name);
    list.current.children[next].focus();
  };
  return html`<div class="canvas-tools" role="tablist" aria-label="Tools of the canvas" ref=${list} onKeyDown=${keys}>
    ${TOOLS.map(({ name, title, icon }) => {
      const count = counts[name](board);
      return html`<button type="button" role="tab" key=${name} id="tool-${name}" class="canvas-tool" aria-selected=${String(name === chosen)}
        aria-controls="tool-panel" tabindex=${name === chosen ? 0 : -1} onClick=${() => onChoose(name)}>
        <${Icon} name=${icon} /><span>${title}</span>
        ${count ? html`<span class="count" aria-label="${count} in use">${name === "mask" || name === "outpaint" || name === "scribble" ? "" : count}</span>` : null}
      </button>`;
    })}
  </div>`;
}

function undoing(board, tool, way) {
  const history = tool.history?.(board);
  if (!history?.[way]()) return;
  tool.changed?.(board);
  board.onChange();
}

export function Canvas({ picture = null, wish, onWish, onClose }) {
  const name = useStore(memory, ({ tool }) => tool);
  const tool = TOOLS.find((each) => each.name === name) ?? mask;
  const models = useKnown("/v1/models")?.models;
  const last = useLast();
  const model = models?.find((each) => each.name === wish.model) ?? models?.find((each) => each.default) ?? models?.[0] ?? null;
  const [board, tick] = useBoard({ wish, model, picture: picture ?? last, onWish, tool });
  const drawn = useStore(run, ({ finished }) => finished);
  useEffect(() => {
    if (model && !model.sizes) refresh("/v1/models"); // a model tells its sizes once it was in memory
  }, [drawn, model?.name, name]);
  const busy = useStore(pending, ({ count }) => count > 0);
  const [over, setOver] = useState(false);
  const root = useRef();
  const history = tool.history?.(board);
  const why = tool.why(board);
  const choose = (next) => {
    board.cursor = null;
    board.draft = {};
    board.selected = 0;
    memory.set({ tool: next });
  };

  useEffect(() => {
    if (!board.focusWanted) return;
    root.current.querySelector(`[data-name="${board.focusWanted}"]`)?.focus();
    board.focusWanted = null;
  });

  const keys = (event) => {
    const typing = event.target.matches("input:not([type=range]):not([type=checkbox]), textarea, select");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typing) {
      event.preventDefault();
      undoing(board, tool, event.shiftKey ? "redo" : "undo");
    } else if (!typing && event.target.closest(".sheet-frame") && !event.ctrlKey && !event.metaKey && tool.key?.(board, event)) {
      event.preventDefault();
    }
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    bring(board, picturesOf(event.dataTransfer).slice(0, 1), "base");
  };

  return html`<div class="canvas" ref=${root} onKeyDown=${keys}>
    <${Tools} board=${board} chosen=${tool.name} onChoose=${choose} />
    <div class="canvas-stage ${over ? "over" : ""}" onDragOver=${(event) => (event.preventDefault(), setOver(true))}
      onDragLeave=${() => setOver(false)} onDrop=${drop}>
      <${Stage} board=${board} tool=${tool} tick=${tick}
        over=${html`<${Result} board=${board} wish=${wish} onWish=${onWish} />`}
        before=${html`
          <${Tool} icon="undo" label="Undo" bare disabled=${!history?.canUndo} onClick=${() => undoing(board, tool, "undo")} />
          <${Tool} icon="redo" label="Redo" bare disabled=${!history?.canRedo} onClick=${() => undoing(board, tool, "redo")} />
          <span class="quiet size" role="status">${busy ? "Sending…" : board.drawn.join(" × ")}</span>
          <span class="spring"></span>`}
        after=${onClose ? html`<${Tool} icon="close" label="Close the canvas" onClick=${onClose} />` : null} />
    </div>
    <div class="canvas-panel" role="tabpanel" id="tool-panel" aria-labelledby="tool-${tool.name}" tabindex="-1">
      <p class="lead">${tool.lead}</p>
      <div aria-live="polite">${why ? html`<p class="why">${why}</p>` : null}</div>
      <${tool.Panel} key=${tool.name} board=${board} />
    </div>
  </div>`;
}
