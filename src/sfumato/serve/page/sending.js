// From a finished picture onwards: the same settings again, or the picture as a beginning.
// A picture is a record of /v1/pictures: {id, pixels, request, width, height, ...}.
import { thumbnailOf } from "./api.js";
import { desk } from "./desk.js";
import { begin } from "./draw/beginning.js";
import { draw } from "./draw/run.js";
import { anySeed, restored, wish } from "./wish.js";

const SHARES = [0.1, 0.2, 0.35, 0.5]; // how far each of four variations goes towards another seed's noise

export function use(request) {
  wish.set(restored(request));
  location.hash = "#/draw";
}

const upon = (picture, changes) =>
  begin(picture.pixels, thumbnailOf(picture.id), { size: [picture.width, picture.height], passes: [], variations: [], ...changes });

const WAYS = {
  image: (picture) => upon(picture),
  inpaint(picture) {
    upon(picture, { strength: null });
    desk.set({ canvas: { picture } });
  },
  upscale: (picture, passes = ["hires(2)"]) => draw([restored(picture.request, { passes })]),
  variations: (picture) =>
    draw(SHARES.map((share) => restored(picture.request, { variations: [...(picture.request.variations ?? []), [anySeed(), share]] }))),
  style: (picture) => refer(picture, "style"),
  composition: (picture) => refer(picture, "composition"),
};

const refer = (picture, role) =>
  wish.set(({ references }) => ({ references: [...references, { picture: picture.pixels, role, weight: 1 }] }));

export function send(picture, how, detail) {
  if (picture.request?.prompt && !wish.get().prompt) wish.set({ prompt: picture.request.prompt });
  WAYS[how](picture, detail);
  location.hash = "#/draw";
}
