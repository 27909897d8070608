// Draws wishes: one job each, side by side on one sheet.
export async function draw(wishes) {
  console.info(wishes);
}
