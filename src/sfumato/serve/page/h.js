// What every component is written with: markup as a template, hooks, and stores that any part may watch.
import { h, render, Fragment, createPortal, createContext } from "./vendor/preact.module.js";
import {
  useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "./vendor/hooks.module.js";
import htm from "./vendor/htm.module.js";

export const html = htm.bind(h);
export {
  render, Fragment, createPortal, createContext,
  useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useReducer, useRef, useState,
};

// A value that can be watched. `set` takes the changes to an object, or a function of the value to the changes.
export function store(initial) {
  let value = initial;
  const watchers = new Set();
  return {
    get: () => value,
    set(changes) {
      const next = typeof changes === "function" ? changes(value) : changes;
      value = { ...value, ...next };
      for (const each of [...watchers]) each(value);
    },
    subscribe(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

// Part of a store; the component is drawn again when that part is another.
export function useStore(from, part = (value) => value) {
  const [, again] = useReducer((count) => count + 1, 0);
  const shown = useRef();
  shown.current = { part, value: part(from.get()) };
  useEffect(() => {
    const look = () => Object.is(shown.current.part(from.get()), shown.current.value) || again();
    look(); // it may have changed between the first drawing and this effect
    return from.subscribe(look);
  }, [from]);
  return shown.current.value;
}

// The value as it was when it last rested for `delay` milliseconds.
export function useRested(value, delay) {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(() => value), delay);
    return () => clearTimeout(timer);
  }, [value, delay]);
  return rested;
}

// The answer to a question that is asked again whenever `keys` change; late answers to old ones are dropped.
export function useAnswer(ask, keys) {
  const [answer, setAnswer] = useState({ value: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    Promise.resolve(ask(stop.signal)).then(
      (value) => stop.signal.aborted || setAnswer({ value, error: null }),
      (error) => stop.signal.aborted || setAnswer((old) => ({ ...old, error })),
    );
    return () => stop.abort();
  }, keys);
  return answer;
}
