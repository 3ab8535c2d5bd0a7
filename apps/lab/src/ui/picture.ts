/** A chart as a picture to keep: what stands around it on the page is drawn into it. */
import { colour } from "./palette.js";

const EDGE = 16;
const CAPTION = 28;

/** @param figure - of a chart: its caption, its legend and its canvas */
export function pictureOf(figure: HTMLElement): HTMLCanvasElement {
  const chart = figure.querySelector("canvas")!;
  const scale = chart.width / chart.clientWidth;
  const picture = document.createElement("canvas");
  picture.width = chart.width + 2 * EDGE * scale;
  picture.height = chart.height + (2 * EDGE + CAPTION) * scale;
  const context = picture.getContext("2d")!;
  context.fillStyle = colour("--paper");
  context.fillRect(0, 0, picture.width, picture.height);
  context.drawImage(chart, EDGE * scale, (EDGE + CAPTION) * scale);
  context.scale(scale, scale);
  context.font = `14px ${getComputedStyle(figure).fontFamily}`;
  context.textBaseline = "middle";
  const line = EDGE + CAPTION / 3;
  context.fillStyle = colour("--muted");
  context.fillText(figure.querySelector("figcaption")!.firstChild!.textContent!, EDGE, line);
  // The legend, from the right.
  let right = picture.width / scale - EDGE;
  for (const entry of [...figure.querySelectorAll<HTMLElement>(".legend > span")].reverse()) {
    const text = entry.textContent!.trim();
    right -= context.measureText(text).width;
    context.fillStyle = colour("--ink");
    context.fillText(text, right, line);
    context.strokeStyle = getComputedStyle(entry.querySelector("i")!).borderTopColor;
    context.lineWidth = 3;
    context.setLineDash(entry.classList.contains("dashed") ? [6, 4] : []);
    context.beginPath();
    context.moveTo(right - 26, line);
    context.lineTo(right - 6, line);
    context.stroke();
    right -= 44;
  }
  return picture;
}
