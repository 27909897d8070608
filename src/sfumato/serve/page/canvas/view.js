// How the sheet lies on the screen: sheet pixels to CSS pixels by {scale, left, top}.

export const NEAREST = 40; // CSS pixels a sheet pixel
const FARTHEST = 0.05;
const SEEN = 48; // CSS pixels of the sheet that stay in sight however it is moved

export const clamped = (value, least, most) => Math.min(Math.max(value, least), Math.max(least, most));

// The sheet as large as the room allows, in its middle.
export function fit(sheet, room, margin = 16) {
  const wide = Math.max(room.width - 2 * margin, 1);
  const high = Math.max(room.height - 2 * margin, 1);
  const scale = clamped(Math.min(wide / sheet.width, high / sheet.height), FARTHEST, NEAREST);
  return {
    scale,
    left: (room.width - sheet.width * scale) / 2,
    top: (room.height - sheet.height * scale) / 2,
  };
}

// Nearer or farther by a factor; what lies under `about` (CSS pixels) stays there.
export function zoomed(view, factor, about) {
  const scale = clamped(view.scale * factor, FARTHEST, NEAREST);
  const share = scale / view.scale;
  return { scale, left: about.x - (about.x - view.left) * share, top: about.y - (about.y - view.top) * share };
}

// Moved, but never out of sight.
export function moved(view, dx, dy, sheet, room) {
  const { scale } = view;
  return {
    scale,
    left: clamped(view.left + dx, SEEN - sheet.width * scale, room.width - SEEN),
    top: clamped(view.top + dy, SEEN - sheet.height * scale, room.height - SEEN),
  };
}

export const toSheet = (view, x, y) => ({ x: (x - view.left) / view.scale, y: (y - view.top) / view.scale });

export const toScreen = (view, x, y) => ({ x: view.left + x * view.scale, y: view.top + y * view.scale });
