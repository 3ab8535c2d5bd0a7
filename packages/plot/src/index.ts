export { plot } from "./charts/plot.js";
export type { Table, TextOptions } from "./drawing.js";
export type { Figure, PNGOptions, SVGOptions } from "./figure.js";
export type { ChartOptions, PlotOptions } from "./options.js";
export type { Numbers, PlotInput } from "./series.js";
