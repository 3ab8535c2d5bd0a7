import type { Figure } from "../figure.js";
import { escapeHTML, table } from "../html.js";

/** What stands around a picture in a report. */
export interface ChartText {
  readonly title: string;
  /** How it is read. */
  readonly caption?: string;
}

const WIDE = 800;
const NARROW = 358;
const HALF = 400;

/** A picture over the whole column: drawn twice, for a desk and for a phone, of which the page shows the one that fits. */
export function wideChart(figure: Figure, text: ChartText): string {
  const drawings = `<div class="wide">${figure.draw({ width: WIDE, bare: true })}</div><div class="narrow">${figure.draw({ width: NARROW, bare: true })}</div>`;
  return chart(figure, text, drawings);
}

/** A picture that has a phone's width, or half a desk's. */
export function halfChart(figure: Figure, text: ChartText): string {
  return chart(figure, text, `<div class="any">${figure.draw({ width: HALF, bare: true })}</div>`);
}

const chart = (figure: Figure, { title, caption }: ChartText, drawings: string) =>
  `<figure class="chart"><figcaption><h3>${escapeHTML(title)}</h3>${caption === undefined ? "" : `<p>${escapeHTML(caption)}</p>`}</figcaption>
${drawings}
${table(figure.table, title)}</figure>`;

/** Two or more half pictures, side by side where there is room. */
export const pairs = (charts: readonly string[]): string =>
  charts.length === 0 ? "" : `<div class="pair">${charts.join("\n")}</div>`;
