import { type PlotInput, plain, readSeries, type Series } from "./series.js";
import type { Surface } from "./surface.js";
import { drawSVG, type SVGOptions } from "./svg.js";
import { drawText, type TextOptions } from "./terminal.js";

/** How a chart is labelled and scaled. */
export interface PlotOptions {
  /** Drawn under the x axis, such as `"Epoch"`. */
  readonly xLabel?: string;
  /** Drawn above the y axis, such as `"Loss"`. */
  readonly yLabel?: string;
  /** Drawn above everything. */
  readonly title?: string;
  /** `"linear"` (the default), or `"log"`: equal distances are equal factors, and values ≤ 0 are gaps. */
  readonly yScale?: "linear" | "log";
  /** Width of the SVG in CSS pixels, 640 unless given. In a page `show()` takes the element's width. */
  readonly width?: number;
  /** Height of the SVG in CSS pixels, 400 unless given. */
  readonly height?: number;
}

/** A chart that can be shown, saved, or read as text. Made by {@link plot}; it keeps a copy of the numbers. */
export class Figure {
  readonly #surface: Surface;
  readonly #series: readonly Series[];
  readonly #options: PlotOptions;

  /** @internal */
  constructor(surface: Surface, input: PlotInput, options: PlotOptions) {
    const { yScale = "linear", width, height } = options;
    if (yScale !== "linear" && yScale !== "log") {
      throw new RangeError(`plot: yScale is ${JSON.stringify(yScale)}; it must be "linear" or "log"`);
    }
    for (const [name, size] of Object.entries({ width, height })) {
      if (size !== undefined && !(size >= 120 && size <= 10_000)) {
        throw new RangeError(`plot: ${name} is ${size}; it must be between 120 and 10000 pixels`);
      }
    }
    this.#surface = surface;
    this.#series = readSeries(input, yScale);
    this.#options = Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, typeof value === "string" ? plain(value) : value]),
    );
  }

  /**
   * Shows the chart. In Node it is drawn in the terminal, as wide as the terminal is, in colour if the terminal has it and
   * `NO_COLOR` is not set. In a page the SVG is put at the end of `target`, or of the page's body.
   */
  show(target?: Element): void {
    this.#surface.show(this, target);
  }

  /** The chart as an SVG document that stands alone: light background, no scripts, no outside fonts. */
  toSVG(): string {
    return this.#surface.serialize(this.element());
  }

  /**
   * Writes the chart to a file (a page offers it as a download). The name must end in `.svg`; an existing file is replaced.
   */
  save(path: string): void {
    const ending = /\.[^./\\]*$/.exec(path)?.[0] ?? "";
    if (ending.toLowerCase() !== ".svg") {
      throw new RangeError(
        `save: cannot write "${path}": ${ending === "" ? "it has no ending" : `${ending} is not a known format`}. ` +
          "A figure is saved as .svg",
      );
    }
    this.#surface.write(path, this.toSVG());
  }

  /** The chart as an SVG element of the surface's document; `width` and `tip` (values under the pointer) suit a page. */
  element(options: SVGOptions = {}): SVGSVGElement {
    return drawSVG(this.#series, this.#options, this.#surface.document(), options);
  }

  /** The chart as lines of text, 80 columns wide and without colour unless asked for. */
  toText(options: TextOptions = {}): string {
    return drawText(this.#series, this.#options, options);
  }

  /** The chart as lines of text: {@link toText} with its defaults. */
  toString(): string {
    return this.toText();
  }
}

/**
 * Draws numbers against their index, or `y` against `x`.
 *
 * ```ts
 * plot(losses, { xLabel: "Epoch", yLabel: "Loss" }).show();
 * plot({ train, validation }, { yScale: "log" }).save("losses.svg");
 * plot({ x: learningRates, y: finalLosses }).toSVG();
 * ```
 *
 * NaN and infinite values are gaps in the line.
 *
 * @throws TypeError if something is not a number or not an array of them.
 * @throws RangeError if a series is empty, if `x` and `y` differ in length, if nothing can be drawn, or an option is bad.
 */
export type Plot = (input: PlotInput, options?: PlotOptions) => Figure;
