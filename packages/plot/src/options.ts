import { plain } from "./series.js";

/** What every chart can be told. */
export interface ChartOptions {
  /** Drawn above everything. */
  readonly title?: string;
  /** Width of the SVG in CSS pixels, 640 unless given. In a page `show()` takes the element's width. */
  readonly width?: number;
  /** Height of the SVG in CSS pixels; each kind of chart has a height of its own unless this is given. */
  readonly height?: number;
}

/** How a chart of lines is labelled and scaled. */
export interface PlotOptions extends ChartOptions {
  /** Drawn under the x axis, such as `"Epoch"`. */
  readonly xLabel?: string;
  /** Drawn above the y axis, such as `"Loss"`. */
  readonly yLabel?: string;
  /** `"linear"` (the default), or `"log"`: equal distances are equal factors, and values ≤ 0 are gaps. */
  readonly yScale?: "linear" | "log";
}

/** Refuses sizes and scales that nothing can be drawn with. */
export function checkSize(who: string, { width, height, yScale }: PlotOptions): void {
  if (yScale !== undefined && yScale !== "linear" && yScale !== "log") {
    throw new RangeError(`${who}: yScale is ${JSON.stringify(yScale)}; it must be "linear" or "log"`);
  }
  for (const [name, size] of Object.entries({ width, height })) {
    if (size !== undefined && !(size >= 120 && size <= 10_000)) {
      throw new RangeError(`${who}: ${name} is ${size}; it must be between 120 and 10000 pixels`);
    }
  }
}

/** The same options with labels that XML and a terminal can hold. */
export function plainOptions<O extends object>(options: O): O {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, typeof value === "string" ? plain(value) : value]),
  ) as O;
}
