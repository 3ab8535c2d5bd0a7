import { writeFileSync } from "node:fs";
import process from "node:process";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";
import { Figure, type Plot } from "./figure.js";
import type { Surface } from "./surface.js";

export type { Figure, Plot, PlotOptions } from "./figure.js";
export type { Numbers, PlotInput } from "./series.js";
export type { SVGOptions } from "./svg.js";
export type { TextOptions } from "./terminal.js";

const XHTML = "http://www.w3.org/1999/xhtml";

const node: Surface = {
  // A document without a page: the few methods that drawing needs are the standard's own.
  document: () => new DOMImplementation().createDocument(XHTML, "html", null) as unknown as Document,
  serialize: (svg) => `${new XMLSerializer().serializeToString(svg as never)}\n`,
  show(figure) {
    const { columns, rows, isTTY } = process.stdout;
    // hasColors() knows NO_COLOR, FORCE_COLOR and the terminal's kind. A terminal that knows no size says 0.
    const color = isTTY === true && process.stdout.hasColors();
    const size = { columns: Math.min(columns || 80, 120), rows: Math.min((rows || 24) - 2, 22) };
    process.stdout.write(`${figure.toText({ ...size, color })}\n`);
  },
  write: (path, text) => writeFileSync(path, text),
};

/** {@inheritDoc Plot} */
export const plot: Plot = (input, options = {}) => new Figure(node, input, options);
