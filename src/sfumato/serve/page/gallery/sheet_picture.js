// A sheet as one PNG, with its labels.
const SIDE = 256;
const LABEL = 28;
const MARGIN = 110; // for the labels of rows
const FONT = "15px system-ui, sans-serif";

const loaded = (address) =>
  new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("a picture of it is gone"));
    image.src = address;
  });

export async function pictureOf({ rows, columns, cells, y }, imageOf) {
  const left = y ? MARGIN : 0;
  const canvas = document.createElement("canvas");
  canvas.width = left + columns.length * SIDE;
  canvas.height = LABEL + rows.length * SIDE;
  const pen = canvas.getContext("2d");
  Object.assign(pen, { fillStyle: "#fff", font: FONT, textBaseline: "middle", imageSmoothingQuality: "high" });
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#1f1b17";
  columns.forEach((text, column) => pen.fillText(text, left + column * SIDE + 8, LABEL / 2, SIDE - 16));
  if (y) rows.forEach((text, row) => pen.fillText(text, 8, LABEL + (row + 0.5) * SIDE, MARGIN - 16));
  for (const { row, column, picture } of cells.filter((cell) => cell.picture)) {
    const image = await loaded(imageOf(picture));
    const scale = Math.min(SIDE / image.width, SIDE / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    pen.drawImage(image, left + column * SIDE + (SIDE - width) / 2, LABEL + row * SIDE + (SIDE - height) / 2, width, height);
  }
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("it is too large"))), "image/png"));
}
