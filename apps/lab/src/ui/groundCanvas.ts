/** The ground as the worker has painted it, with what stands on it: minima, and numbers along the edges of the map. */
import type { Ground } from "../worker/protocol.js";
import { short } from "./format.js";
import { colour } from "./palette.js";
import type { Placing } from "./projection.js";
import { roundMarks } from "./scale.js";

export function showGround(canvas: HTMLCanvasElement, ground: Ground, placing: Placing, lowest: number): void {
  const { pixels, width, height, facts, turned, grid } = ground;
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  // Nothing shines through, which spares the browser mixing it with what is behind.
  const context = canvas.getContext("2d", { alpha: false })!;
  context.putImageData(pixels, 0, 0);
  context.setTransform(pixels.width / width, 0, 0, pixels.height / height, 0, 0);
  if (turned === null) {
    numbers(context, grid.view.x, width, (at, text) => [text, at, height - 6]);
    numbers(context, grid.view.y, height, (at, text) => [text, 6, height - at + 4]);
  }
  for (const [x, y] of facts.minima) {
    context.globalAlpha = placing.hidden(x, y, lowest) ? 0.25 : 1;
    star(context, placing.project(x, y, lowest));
  }
  context.globalAlpha = 1;
}

/** Round numbers along an edge, far enough apart, and not in the corners. */
function numbers(
  context: CanvasRenderingContext2D,
  [from, to]: readonly [number, number],
  length: number,
  place: (at: number, text: string) => [string, number, number],
): void {
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colour("--scale");
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = colour("--scale-halo");
  for (const mark of roundMarks(from, to, length / 110)) {
    const at = ((mark - from) / (to - from)) * length;
    if (at < 34 || at > length - 34) continue;
    const [text, x, y] = place(at, short(mark));
    context.textAlign = x === 6 ? "left" : "center";
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }
}

function star(context: CanvasRenderingContext2D, [px, py]: readonly [number, number]): void {
  context.beginPath();
  for (let i = 0; i < 10; i++) {
    const radius = i % 2 === 0 ? 8 : 3.4;
    const angle = (i * Math.PI) / 5 - Math.PI / 2;
    context.lineTo(px + radius * Math.cos(angle), py + radius * Math.sin(angle));
  }
  context.closePath();
  context.fillStyle = colour("--ink");
  context.strokeStyle = colour("--halo");
  context.lineWidth = 3;
  context.stroke();
  context.fill();
}
