import type { Theme } from "./theme.js";

/** The size and dress of a chart made of characters. */
export interface TextOptions {
  /** Characters in a line, 80 unless given; at least 30. */
  readonly columns?: number;
  /** Lines for the whole chart, 20 unless given; at least 8. */
  readonly rows?: number;
  /** Colour the series with ANSI codes; off unless asked for. Without colour each series has a mark of its own. */
  readonly color?: boolean;
}

/** Where an SVG is drawn. */
export interface Canvas {
  readonly document: Document;
  readonly theme: Theme;
  /** In CSS pixels, instead of the drawing's own; the height follows. */
  readonly width?: number;
  /** Leave the title out, because the page has it. */
  readonly bare?: boolean;
  /** Show the values under the pointer. Needs a real page. */
  readonly tip?: boolean;
}

/** The numbers behind a picture, for people who cannot see it and for those who want them exactly. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** What every chart knows how to do. A chart is a function from numbers to one of these. */
export interface Drawing {
  readonly title: string | undefined;
  /** What the picture shows, in a sentence. */
  readonly alt: string;
  svg(canvas: Canvas): SVGSVGElement;
  text(options: TextOptions): string;
  table(): Table;
}
