// All settings of a picture in words, those alone that say something; and where two pictures differ.
import { html } from "../h.js";

const NAMES = {
  prompt: "Words", negative: "Not wanted", sentence: "As it was typed", seed: "Seed", steps: "Steps", sampler: "Sampler",
  levels: "Levels", guidance: "Guidance", size: "Size", model: "Model", weighting: "Weights read as", clip_skip: "Clip skip",
  adapters: "Adapters", handoff: "Handed to the refiner at", picture: "Gone on from", mask: "Mask", strength: "Strength",
  masking: "Gray in the mask", around: "Margin about the mask", outpaint: "Added beyond the edge", passes: "Passes after it",
  variations: "Variations", toward: "Towards", controls: "Controls", references: "References", regions: "Regions",
  regions_by: "Regions by", framing: "Framing",
};
const ALWAYS = { weighting: "a1111", masking: "soft", regions_by: "blend" }; // what goes without saying
const short = (digest) => `picture ${digest.slice(0, 8)}`;
const isDigest = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

function said(value) {
  if (isDigest(value)) return short(value);
  if (Array.isArray(value)) return value.map(said).join(Array.isArray(value[0]) ? "; " : " · ");
  return String(value);
}

// [name, words, value as text] of every setting that is not empty.
export function factsOf(record) {
  const request = { ...record.request, size: record.request.size ?? (record.width ? [record.width, record.height] : null) };
  return Object.entries(NAMES)
    .filter(([name]) => {
      const value = request[name];
      return value !== null && value !== undefined && value !== "" && value !== ALWAYS[name] && !(Array.isArray(value) && !value.length);
    })
    .map(([name, words]) => [name, words, name === "size" ? request.size.join(" × ") : said(request[name])]);
}

export function Facts({ facts, differing = null }) {
  return html`<dl class="facts">${facts.map(([name, words, value]) => html`<div key=${name} class=${differing?.has(name) ? "differs" : ""}>
    <dt>${words}</dt><dd>${value}</dd>
  </div>`)}</dl>`;
}

// The names of the settings in which two pictures differ.
export function differing(one, other) {
  const [left, right] = [one, other].map((record) => new Map(factsOf(record).map(([name, , value]) => [name, value])));
  return new Set([...left.keys(), ...right.keys()].filter((name) => left.get(name) !== right.get(name)));
}
