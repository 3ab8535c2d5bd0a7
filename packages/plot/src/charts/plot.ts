import { drawCurves } from "../curves.js";
import { Figure } from "../figure.js";
import { checkSize, type PlotOptions, plainOptions } from "../options.js";
import { type PlotInput, readSeries } from "../series.js";

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
export function plot(input: PlotInput, options: PlotOptions = {}): Figure {
  checkSize("plot", options);
  return new Figure(drawCurves({ ...plainOptions(options), curves: readSeries(input, options.yScale ?? "linear") }));
}
