import { Figure, type Plot } from "./figure.js";
import type { Surface } from "./surface.js";

export type { Figure, Plot, PlotOptions } from "./figure.js";
export type { Numbers, PlotInput } from "./series.js";
export type { SVGOptions } from "./svg.js";
export type { TextOptions } from "./terminal.js";

const page: Surface = {
  document: () => document,
  serialize: (svg) => `${new XMLSerializer().serializeToString(svg)}\n`,
  show(figure, target = document.body) {
    const { width } = target.getBoundingClientRect();
    target.append(figure.element({ tip: true, ...(width >= 120 ? { width: Math.min(width, 960) } : {}) }));
  },
  write(path, text) {
    const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = path.slice(path.lastIndexOf("/") + 1);
    link.click();
    // The download has its own hold on the data once the click is handled.
    setTimeout(() => URL.revokeObjectURL(url));
  },
};

/** {@inheritDoc Plot} */
export const plot: Plot = (input, options = {}) => new Figure(page, input, options);
