// The box: what the picture should show, in words, with help while one types, and the button.
import { html, useId, useLayoutEffect, useRef, useState, useStore } from "../h.js";
import { desk } from "../desk.js";
import { draftSeed } from "../draw/live.js";
import { isBusy, run } from "../draw/run.js";
import { wish } from "../wish.js";
import { Count } from "./count.js";
import { Expand } from "./expand.js";
import { Grammar } from "./grammar.js";
import { Mirror } from "./mirror.js";
import { useReading } from "./reading.js";
import { Suggestions, useSuggestions } from "./suggest.js";
import { Fill, Unknown } from "./told.js";
import { Chosen, Styles } from "./wall.js";
import { weighted } from "./weights.js";

// Writes into the box and keeps the caret: Preact sets the value after this, and the caret after that.
function useCaret(area) {
  const [wanted, setWanted] = useState(null);
  useLayoutEffect(() => {
    if (wanted) area.current.setSelectionRange(wanted.start, wanted.end);
  }, [wanted]);
  return (text, start, end = start) => {
    wish.set({ prompt: text, sentence: null });
    setWanted({ start, end });
  };
}

// The word that is being typed is not yet one that nobody knows.
const exceptLast = (text, unknown) => {
  const last = /[\p{L}\p{N}'-]*$/u.exec(text)[0].toLowerCase();
  return unknown.filter(({ word }) => word.toLowerCase() !== last);
};

export function Box({ onDraw, more }) {
  const area = useRef();
  const id = useId();
  const text = useStore(wish, (value) => value.prompt);
  const [caret, setCaret] = useState(null);
  const [typing, setTyping] = useState(0);
  const reading = useReading();
  const unknown = caret === text.length ? exceptLast(text, reading.unknown) : reading.unknown;
  const write = useCaret(area);
  const suggestions = useSuggestions({ text, caret, typing, unknown });
  const { offers, active } = suggestions;

  const look = () => {
    const { selectionStart: start, selectionEnd: end } = area.current;
    setCaret(start === end && document.activeElement === area.current ? start : null);
  };
  const take = (offer) => {
    write(offer.text, offer.caret);
    setCaret(offer.caret);
    suggestions.close();
  };
  const typed = (event) => {
    wish.set({ prompt: event.currentTarget.value, sentence: null });
    setTyping(typing + 2); // past what an offer that was taken has closed
    look();
  };
  const keys = (event) => {
    const { selectionStart: start, selectionEnd: end } = area.current;
    if ((event.ctrlKey || event.metaKey) && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      const changed = weighted(text, { start, end }, event.key === "ArrowUp" ? 1 : -1);
      if (changed) write(changed.text, changed.start, changed.end);
    } else if (offers.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      suggestions.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (offers.length && event.key === "Escape") {
      event.preventDefault();
      suggestions.close();
    } else if (active >= 0 && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      take(offers[active]);
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      suggestions.close();
      onDraw();
    }
  };
  const submit = (event) => {
    event.preventDefault();
    onDraw();
  };

  return html`<form class="asking" onSubmit=${submit}>
    <div class="box">
      <div class="saying">
        <div class="paper">
          <${Mirror} text=${text} unknown=${unknown} cut=${reading.cut} />
          <textarea ref=${area} value=${text} rows="1" spellcheck=${false} autocomplete="off" maxlength="20000"
            aria-label="What the picture should show" placeholder="a red cat to the left of a blue car"
            aria-autocomplete="list" aria-controls=${offers.length ? `${id}-offers` : undefined}
            aria-activedescendant=${active >= 0 && offers.length ? `${id}-offers-${active}` : undefined}
            aria-describedby="${id}-fill" onInput=${typed} onKeyDown=${keys} onSelect=${look} onFocus=${look}
            onBlur=${() => setCaret(null)}></textarea>
        </div>
        <${Suggestions} id="${id}-offers" ...${suggestions} onTake=${take} />
        <${Chosen} />
        <${Fill} id="${id}-fill" reading=${reading} />
        <${Unknown} text=${text} unknown=${unknown} onReplace=${(next) => write(next, next.length)} />
      </div>
      <${Press} empty=${!text.trim()} />
    </div>
    <div class="tools" role="group" aria-label="More ways to say it"><${Styles} /><${Expand} />${more}<${Grammar} /></div>
  </form>`;
}

function Press({ empty }) {
  const live = useStore(desk, (value) => value.live);
  const draft = useStore(run, (value) => draftSeed(value) !== undefined);
  const busy = useStore(run, isBusy);
  const words = draft ? "Finish it" : busy && !live ? "Draw another" : "Draw";
  return html`<div class="press">
    <${Count} />
    <button class="primary" disabled=${empty}>${words}</button>
  </div>`;
}
