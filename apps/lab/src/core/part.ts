/** Which part of a surface is looked at, and how it is moved and enlarged. */
import { LEAST_ZOOM, MOST_ZOOM, type Zoom } from "./state.js";
import type { Surface } from "./surfaces.js";

type View = Surface["view"];

/** The part to be shown: what the zoom says, or the surface's own view, grown, if need be, so that the start lies in it. */
export function partOf({ x, y }: View, start: readonly [number, number], zoom: Zoom | null): View {
  if (zoom === null) return { x: including(x, start[0]), y: including(y, start[1]) };
  const around = ([from, to]: View["x"], middle: number): [number, number] => {
    const half = (to - from) / 2 / zoom[2];
    return [middle - half, middle + half];
  };
  return { x: around(x, zoom[0]), y: around(y, zoom[1]) };
}

function including([from, to]: View["x"], p: number): [number, number] {
  const margin = (to - from) / 20;
  return [p < from ? p - margin : from, p > to ? p + margin : to];
}

/** The zoom that enlarges what is shown by a factor, while one point stays where it is. */
export function enlarged(own: View, shown: View, factor: number, [px, py]: readonly [number, number]): Zoom {
  const present = (own.x[1] - own.x[0]) / (shown.x[1] - shown.x[0]);
  const next = Math.min(Math.max(present * factor, LEAST_ZOOM), MOST_ZOOM);
  const middle = ([from, to]: View["x"], p: number) => p + ((from + to) / 2 - p) * (present / next);
  return tidy(own, [middle(shown.x, px), middle(shown.y, py), next]);
}

/** The zoom that shows the same size of part, moved by shares of its width and height. */
export function moved(own: View, shown: View, right: number, up: number): Zoom {
  const [x, y, factor] = enlarged(own, shown, 1, [0, 0]);
  return tidy(own, [x + right * (shown.x[1] - shown.x[0]), y + up * (shown.y[1] - shown.y[0]), factor]);
}

/** With as many digits as can be seen, so that addresses stay short. */
function tidy(own: View, [x, y, factor]: Zoom): Zoom {
  const digits = (value: number, [from, to]: View["x"]) => {
    const places = Math.max(0, Math.ceil(Math.log10((1000 * factor) / (to - from))));
    return Number(value.toFixed(Math.min(places, 12)));
  };
  return [digits(x, own.x), digits(y, own.y), Number(factor.toPrecision(4))];
}
