import { writeFileSync } from "node:fs";
import process from "node:process";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";
import type { Surface } from "./surface.js";

const XHTML = "http://www.w3.org/1999/xhtml";

export const surface: Surface = {
  // A document without a page: the few methods that drawing needs are the standard's own.
  document: () => new DOMImplementation().createDocument(XHTML, "html", null) as unknown as Document,
  serialize: (svg) => new XMLSerializer().serializeToString(svg as never),
  show(figure) {
    const { columns, rows, isTTY } = process.stdout;
    // hasColors() knows NO_COLOR, FORCE_COLOR and the terminal's kind. A terminal that knows no size says 0.
    const color = isTTY === true && process.stdout.hasColors();
    const size = { columns: Math.min(columns || 80, 120), rows: Math.min((rows || 24) - 2, 22) };
    process.stdout.write(`${figure.toText({ ...size, color })}\n`);
  },
  write: (path, data) => writeFileSync(path, data),
  // The renderer and its fonts are three megabytes, which who saves no PNG does not load.
  png: async (svg, scale) => (await import("./png.js")).rasterize(svg, scale),
};
