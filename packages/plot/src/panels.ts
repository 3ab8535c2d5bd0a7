import type { Canvas } from "./drawing.js";
import { draw, dress, type LegendEntry } from "./frame.js";

/** Several small pictures in one. */
export interface Panels {
  readonly title: string | undefined;
  readonly alt: string;
  readonly width: number;
  readonly legend?: readonly LegendEntry[];
  /** Said below, such as what was left out. */
  readonly remark?: string | undefined;
  /** Each draws itself `small`. */
  readonly panels: readonly ((canvas: Canvas, width: number, height: number) => SVGSVGElement)[];
  readonly height?: number;
}

const SVG = "http://www.w3.org/2000/svg";
const NARROWEST = 250;
const GAP = 20;

/** Side by side in as many columns as there is room for, under one title and one legend. */
export function drawPanels(canvas: Canvas, spec: Panels): SVGSVGElement {
  const { document, theme } = canvas;
  const { width, height = 150, panels } = spec;
  const edge = width < 420 ? 4 : 14;
  const room = width - 2 * edge;
  const columns = Math.max(1, Math.min(panels.length, Math.floor((room + GAP) / (NARROWEST + GAP))));
  const each = (room - (columns - 1) * GAP) / columns;
  const rows = Math.ceil(panels.length / columns);
  const { remark } = spec;
  const headed = (spec.title !== undefined && !canvas.bare) || (spec.legend?.length ?? 0) > 0;
  const head = headed ? draw(canvas, { ...spec, remark: undefined, height: { inner: 1 }, marks: [] }) : undefined;
  const top = head === undefined ? 10 : Number(head.getAttribute("height"));
  const bottom = remark === undefined ? 6 : 26;
  const whole = top + rows * height + (rows - 1) * GAP + bottom;

  const make = (name: string, attributes: Readonly<Record<string, string | number>>): Element => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  };
  const svg = make("svg", {
    xmlns: SVG,
    width,
    height: whole,
    viewBox: `0 0 ${width} ${whole}`,
    "aria-label": spec.alt,
    "text-anchor": "middle",
  }) as SVGSVGElement;
  svg.appendChild(make("rect", { width, height: whole, fill: theme.paper }));
  if (head !== undefined) svg.appendChild(nested(head, 0, 0));
  panels.forEach((panel, i) => {
    const x = edge + (i % columns) * (each + GAP);
    const y = top + Math.floor(i / columns) * (height + GAP);
    svg.appendChild(nested(panel({ ...canvas, bare: false }, each, height), x, y));
  });
  if (remark !== undefined) {
    const text = make("text", {
      x: edge + 2,
      y: whole - 8,
      fill: theme.muted,
      "font-size": 12,
      "text-anchor": "start",
    });
    text.textContent = remark;
    svg.appendChild(text);
  }
  return dress(svg, theme);
}

/** A picture as a part of another. */
function nested(svg: SVGSVGElement, x: number, y: number): SVGSVGElement {
  // These are of the outer picture; the library's style would stretch the inner one.
  for (const name of ["role", "aria-label", "class", "style", "font-family"]) svg.removeAttribute(name);
  for (const style of [...svg.getElementsByTagName("style")]) style.parentNode!.removeChild(style);
  svg.setAttribute("x", String(x));
  svg.setAttribute("y", String(y));
  return svg;
}
