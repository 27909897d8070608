// What of a wish steers it by pictures and places, as objects; and what would have no effect, and why.

// The rows of a receipt hold pictures that were made already; beside rows no object may stand.
export const controlsOf = (wish) =>
  (wish.controls ?? []).map((each) => {
    if (!Array.isArray(each)) return each;
    const [network, kind, picture, weight, start, stop] = each;
    return { kind: asIs(kind), network: network || null, picture, weight, start, stop };
  });

export const referencesOf = (wish) =>
  (wish.references ?? []).map((each) => {
    if (!Array.isArray(each)) return each;
    const [network, role, picture, weight] = each;
    return { network: network || null, role, picture, weight };
  });

export const regionsOf = (wish) =>
  (wish.regions ?? []).map((each) => {
    if (!Array.isArray(each)) return each;
    const [area, words, negative, seam] = each;
    return { area, words, negative, seam };
  });

const asIs = (kind) => (!kind || kind.startsWith("as-is") ? kind || "as-is" : `as-is(of=${kind.split("(")[0]})`);

// What a kind is read for: that of as-is(of=canny) is canny.
export const readAs = (kind) => /^as-is\(.*?of=([\w-]+)/.exec(kind)?.[1] ?? kind.split("(")[0];

export const replaced = (list, place, changes) =>
  list.map((each, number) => (number === place ? { ...each, ...changes } : each));

export const without = (list, place) => list.filter((_, number) => number !== place);

// What the canvas made lies in the wish among what people brought; it is known again by its digest.
export const placeOf = (controls, made, by) => controls.findIndex((each) => made[each.picture]?.by === by);

// The controls with one that the canvas made put in, in its old place and with its old weight, or left out.
export function withMade(controls, made, by, control) {
  const place = placeOf(controls, made, by);
  if (!control) return place < 0 ? controls : without(controls, place);
  if (place < 0) return [...controls, { weight: 1, start: 0, stop: 1, ...control }];
  return replaced(controls, place, control);
}

// What a model can be steered by, of its record in /v1/models; null where the record does not say.
export function abilities(model) {
  if (!model) return { kinds: null, references: null, sizes: null, beside: null, native: null };
  const { controls, references, sizes, beside, native } = model;
  return {
    kinds: controls ? controls.flatMap((each) => (each.kinds?.length ? each.kinds : [null])) : null,
    references: references ? references.length > 0 : null,
    sizes: sizes ? { step: sizes.multiple, least: sizes.least, most: sizes.most } : null,
    beside: beside ?? null,
    native: native ?? null,
  };
}

// Whether a control of the model reads the kind; a network that does not say what it was taught may.
export const reads = ({ kinds }, kind) => kinds === null || kinds.includes(null) || kinds.includes(readAs(kind));

// The kind that pen lines are sent as: that which the model's control was taught.
export function kindOfLines(able) {
  const taught = ["scribble", "edges", "lineart", "softedge", "canny"].find((kind) => able.kinds?.includes(kind));
  return taught ?? "scribble";
}

// Why a control of this kind would not do anything on this model; null if it would.
export function unread(able, kind, name) {
  if (reads(able, kind)) return null;
  const taught = [...new Set(able.kinds)];
  const told = taught.length ? `: what hangs beside it reads ${taught.join(", ")}` : "";
  return (
    `${name} knows no control that reads ${readAs(kind)}${told}. ` +
    `Choose a model beside which a ${readAs(kind)} ControlNet hangs.`
  );
}
