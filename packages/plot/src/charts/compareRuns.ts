import { type Curve, drawCurves } from "../curves.js";
import { Figure } from "../figure.js";
import { message } from "../message.js";
import { capital, digits } from "../numbers.js";
import { checkSize, plainOptions } from "../options.js";
import { drawable, plain } from "../series.js";
import { dataOf, type HistoryLike, num } from "../shapes.js";
import { type CurveOptions, suitedScale } from "./runCurves.js";

/** A run and what to call it. */
export interface NamedRun {
  readonly name: string;
  readonly history: HistoryLike;
}

/** What of the runs is compared. */
export interface CompareOptions extends CurveOptions {
  /** `"loss"` unless given, or the name of a metric. */
  readonly metric?: string;
  /** `"validation"` (the default; a run without is shown by its training and says so) or `"train"`. */
  readonly split?: "validation" | "train";
}

/** One curve of each run over the same axes. */
export function compareRuns(runs: readonly NamedRun[], options: CompareOptions = {}): Figure {
  const { metric = "loss", split = "validation", x = "epoch", yScale: asked = "linear", ...rest } = options;
  checkSize("compareRuns", asked === "auto" ? rest : { ...rest, yScale: asked });
  if (runs.length === 0) throw new RangeError("compareRuns: no run was given; there is nothing to compare");
  const curves = runs.map(({ name, history }): Curve => {
    const { epochs } = dataOf(history);
    const validated = split === "validation" && epochs.some((e) => Number.isFinite(num(e.validation?.[metric])));
    return {
      name: plain(split === "validation" && !validated ? `${name} (training)` : name),
      x: epochs.map((e) => e[x]),
      y: epochs.map((e) => num(validated ? e.validation?.[metric] : e.train[metric])),
      dashed: split === "validation" && !validated,
    };
  });
  const yScale = asked === "auto" ? suitedScale(curves) : asked;
  const drawn = curves.map((c) => ({ ...c, ...drawable(c, yScale) }));
  const label = capital(plain(`${split === "validation" ? "validation" : "training"} ${metric}`));
  const { title, ...size } = plainOptions(rest);
  // A run without a value keeps its place among the colours and is named in the text.
  const seen = drawn.map((c, i) => ({ ...c, colour: i })).filter((c) => !c.y.every(Number.isNaN));
  if (seen.length === 0) return new Figure(message(title ?? label, `No run has a finite ${metric}.`));
  const last = curves.map((c) => `${c.name} ${digits(c.y.at(-1) ?? Number.NaN, 4)}`).join(", ");
  return new Figure(
    drawCurves({
      curves: seen,
      title,
      alt: `${label} of ${runs.length} runs against ${x}; at the end: ${last}`,
      xLabel: x === "epoch" ? "Epoch" : "Step",
      yLabel: label,
      yScale,
      ...size,
    }),
  );
}
